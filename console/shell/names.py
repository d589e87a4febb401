"""Names in the reader's language."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

NameOf = Callable[[str, str], str]
"""(id, language) → its name, or "" where nothing has this id."""


def name_in(row: Any, lang: str, field: str = "name") -> str:
    """A row's text in the reader's language; rows carry `name_zh` and `name_en`, or `allows_zh` and `allows_en`."""
    key = f"{field}_zh" if lang == "zh-CN" else f"{field}_en"
    return str(row[key] if isinstance(row, Mapping) else getattr(row, key))


def name_among(all_of: Callable[[], Sequence[Any]]) -> NameOf:
    """Of things that are few and have an `id` and names."""

    def name(identifier: str, lang: str) -> str:
        return next((name_in(each, lang) for each in all_of() if each.id == identifier), "")

    return name
