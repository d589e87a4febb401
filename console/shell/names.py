"""Names in the reader's language."""

from collections.abc import Mapping
from typing import Any


def name_in(row: Any, lang: str, field: str = "name") -> str:
    """A row's text in the reader's language; rows carry `name_zh` and `name_en`, or `allows_zh` and `allows_en`."""
    key = f"{field}_zh" if lang == "zh-CN" else f"{field}_en"
    return str(row[key] if isinstance(row, Mapping) else getattr(row, key))
