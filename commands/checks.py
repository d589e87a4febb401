"""What the city would refuse anyway, seen before a second person is asked to approve it; pure.

The city checks again and decides. These are fewer checks than its own, with its fields and codes, and never more.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from unicodedata import normalize

Faults = Iterator[dict[str, str]]  # of one field each: {"field", "code"}

_TEXT_CHARS = 200  # of a reason or a purpose
_FLOW_DAYS, _SHARE_DAYS = 367, 366
_LARGEST = {"cpu": 256, "memory_gib": 4096, "disk_gib": 65536}  # of one machine
_SLUG = re.compile(r"[a-z][a-z0-9-]{0,62}", re.ASCII)
_PORT = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)
_FORMULA = ("=", "+", "-", "@")  # what a spreadsheet would compute


def moment(text: str) -> datetime | None:
    """Read a moment as the API does, RFC 3339; None for what is none."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    return read if read.tzinfo else None


def faults_of_flow(*, from_zone: str, to_zone: str, protocol: str, port: str) -> Faults:
    """Yield what is wrong with the way that a flow would open."""
    for field, text in (("from", from_zone), ("to", to_zone)):
        if not _SLUG.fullmatch(text):
            yield {"field": field, "code": "zone-invalid"}
    if from_zone == to_zone:
        yield {"field": "to", "code": "zones-same"}
    if protocol not in ("tcp", "udp"):
        yield {"field": "protocol", "code": "protocol-invalid"}
    if not _PORT.fullmatch(port) or int(port) > 65535:
        yield {"field": "port", "code": "port-invalid"}


def faults_of_terms(*, reason: str, until: datetime | None, now: datetime) -> Faults:
    """Yield what is wrong with the reason and the end of a flow."""
    yield from _faults_of_reason(reason, field="reason")
    yield from _faults_of_end(until, now=now, days=_FLOW_DAYS)


def faults_of_machine(*, name: str, purpose: str, size: Mapping[str, int]) -> Faults:
    """Yield what is wrong with a machine: its name, its purpose, its CPUs and its GiB of memory and disk."""
    if not _SLUG.fullmatch(name):
        yield {"field": "name", "code": "machine-name-invalid"}
    yield from _faults_of_reason(purpose, field="purpose")
    for resource, most in _LARGEST.items():
        if not 1 <= size[resource] <= most:
            yield {"field": resource, "code": f"{resource.replace('_', '-')}-invalid"}


def faults_of_share(*, purpose: str, until: datetime | None, now: datetime) -> Faults:
    """Yield what is wrong with the purpose and the end of a share."""
    text = normalize("NFC", purpose).strip(" ")
    if not text:
        yield {"field": "purpose", "code": "text-missing"}
    elif len(text) > _TEXT_CHARS or not text.isprintable() or text.startswith(_FORMULA):
        yield {"field": "purpose", "code": "text-invalid"}
    yield from _faults_of_end(until, now=now, days=_SHARE_DAYS)


def _faults_of_reason(text: str, *, field: str) -> Faults:
    if not 0 < len(text) <= _TEXT_CHARS:
        yield {"field": field, "code": f"{field}-missing"}
    elif not text.isprintable():
        yield {"field": field, "code": f"{field}-invalid"}


def _faults_of_end(until: datetime | None, *, now: datetime, days: int) -> Faults:
    if until is None:
        yield {"field": "until", "code": "date-invalid"}
    elif until <= now:
        yield {"field": "until", "code": "date-past"}
    elif until > now + timedelta(days=days):
        yield {"field": "until", "code": "date-too-far"}
