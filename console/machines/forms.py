"""What a machine or a quota must look like when it is asked for, on a form and in the API alike."""

from collections.abc import Iterator, Mapping
from typing import Any

from console.shell.terms import wrong_with_reason
from infra.quota import RESOURCES, Size
from infra.zone import is_slug

LARGEST = Size(256, 4096, 65536)  # of one machine
Wrong = Iterator[dict[str, str]]


def wrong_with_machine(*, name: str, purpose: str, size: Mapping[str, Any]) -> Wrong:
    """Yield what cannot be accepted, by field; sizes are whole numbers, or text that is one."""
    if not is_slug(name):
        yield {"field": "name", "code": "machine-name-invalid"}
    yield from wrong_with_reason(purpose, field="purpose")
    yield from wrong_with_size(size, smallest=1)


def wrong_with_size(size: Mapping[str, Any], *, smallest: int, largest: Size = LARGEST) -> Wrong:
    """Yield what is no number, or too small, or too large."""
    for resource, most in zip(RESOURCES, largest, strict=True):
        text = str(size.get(resource, "")).strip()
        if not (text.isascii() and text.isdecimal() and len(text) <= 9 and smallest <= int(text) <= most):
            yield {"field": resource, "code": f"{resource.replace('_', '-')}-invalid"}


def size_of(size: Mapping[str, Any]) -> Size:
    """Return the size, once nothing is wrong with it."""
    return Size(*(int(size[resource]) for resource in RESOURCES))
