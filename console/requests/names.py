"""What stands in the address and the fields of a request, by name: whose it is, where, of what (names before ids)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Any

from authz.register import Register
from console.shell.desk import NameOf
from console.shell.names import name_in
from idp.directory import Directory

_FIELD_NOUNS = {"app": "apps", "owner": "departments"}  # fields that hold the id of one of these


class Places:
    """`named`: for each noun of an address, what its ids are called."""

    def __init__(self, named: Mapping[str, NameOf]) -> None:
        self._named = named

    def told(self, rows: Iterable[Mapping[str, Any]], lang: str) -> list[dict[str, Any]]:
        """Rows of `request_list.told`, with `place` [(noun, name)] and `fields` [(name, value, called)]."""

        @cache  # many requests are about the same few things
        def called(noun: str, one: str) -> str:
            return self._named[noun](one, lang) if noun in self._named else ""

        return [
            {
                **row,
                "place": [
                    (noun, name) for noun, one in pairwise(row["object"].split("/")) if (name := called(noun, one))
                ],
                "fields": [(name, value, called(_FIELD_NOUNS.get(name, ""), value)) for name, value in row["fields"]],
            }
            for row in rows
        ]


def of_register(directory: Directory, register: Register) -> Mapping[str, NameOf]:
    """Departments and systems."""

    def department(one: str, lang: str) -> str:
        found = directory.departments().get(one)
        return name_in(found, lang) if found else ""

    def system(one: str, lang: str) -> str:
        found = register.systems().get(one)
        return name_in(found, lang) if found else ""

    return {"departments": department, "systems": system}


def among(all_of: Callable[[], Sequence[Any]]) -> NameOf:
    """Of things that are few and have an `id` and names."""

    def name(one: str, lang: str) -> str:
        return next((name_in(each, lang) for each in all_of() if each.id == one), "")

    return name
