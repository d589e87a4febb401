"""What a machine, a quota or a flow must look like when it is asked for, on a form and in the API alike."""

from collections.abc import Iterator, Mapping
from typing import Any

from console.shell.terms import wrong_with_reason
from infra.quota import RESOURCES, Size
from infra.zone import Way, is_slug, wrong_with_flow

LARGEST = Size(256, 4096, 65536)  # of one machine
Wrong = Iterator[dict[str, str]]


def way_of(from_zone: str, to_zone: str, protocol: str, port: str) -> tuple[Way | None, list[dict[str, str]]]:
    """The flow that a path or a form names, or what is wrong with it, by field."""
    errors = list(wrong_with_flow(from_zone=from_zone, to_zone=to_zone, protocol=protocol, port=port))
    return (None, errors) if errors else (Way(from_zone, to_zone, protocol, int(port)), [])


def wrong_with_machine(*, name: str, purpose: str, size: Mapping[str, Any]) -> Wrong:
    """What cannot be accepted, by field; sizes are whole numbers, or text that is one."""
    if not is_slug(name):
        yield {"field": "name", "code": "machine-name-invalid"}
    yield from wrong_with_reason(purpose, field="purpose")
    yield from wrong_with_size(size, smallest=1)


def wrong_with_size(size: Mapping[str, Any], *, smallest: int, largest: Size = LARGEST) -> Wrong:
    """What is no number, or too small, or too large."""
    for resource, most in zip(RESOURCES, largest, strict=True):
        text = str(size.get(resource, "")).strip()
        if not (text.isascii() and text.isdecimal() and len(text) <= 9 and smallest <= int(text) <= most):
            yield {"field": resource, "code": f"{resource.replace('_', '-')}-invalid"}


def size_of(size: Mapping[str, Any]) -> Size:
    """The size, once nothing is wrong with it."""
    return Size(*(int(size[resource]) for resource in RESOURCES))
