"""The names behind the ids in the address and in the fields of a request (names before ids)."""

from collections.abc import Iterable, Mapping
from functools import cache
from itertools import pairwise
from typing import Any

from authz.register import Register
from console.shell.names import NameOf, name_in
from idp.directory import Directory

_FIELD_NOUNS = {"app": "apps", "owner": "departments"}  # fields that hold the id of one of these


class AddressNames:
    """Names the ids of an address. `names` holds a function for each noun (`zones`, `systems`), from id to name."""

    def __init__(self, names: Mapping[str, NameOf]) -> None:
        self._names = names

    def add_names(self, rows: Iterable[Mapping[str, Any]], lang: str) -> list[dict[str, Any]]:
        """Rows of `answers.describe_request`, with `place` [(noun, name)] and `fields` [(name, value, its name)]."""

        @cache  # many requests are about the same few things
        def name_of(noun: str, identifier: str) -> str:
            return self._names[noun](identifier, lang) if noun in self._names else ""

        return [
            {
                **row,
                "place": [
                    (noun, name)
                    for noun, identifier in pairwise(row["object"].split("/"))
                    if (name := name_of(noun, identifier))
                ],
                "fields": [(name, value, name_of(_FIELD_NOUNS.get(name, ""), value)) for name, value in row["fields"]],
            }
            for row in rows
        ]


def register_names(directory: Directory, register: Register) -> Mapping[str, NameOf]:
    """Return the functions that name departments and systems."""

    def department(identifier: str, lang: str) -> str:
        node = directory.departments().get(identifier)
        return name_in(node, lang) if node else ""

    def system(identifier: str, lang: str) -> str:
        row = register.systems().get(identifier)
        return name_in(row, lang) if row else ""

    return {"departments": department, "systems": system}
