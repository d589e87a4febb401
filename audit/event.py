"""One event: who did what to which object, what was decided, and what came of it; to bytes and back."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from json.encoder import encode_basestring_ascii as _quoted
from types import MappingProxyType
from typing import Any, NamedTuple

from audit.errors import RecordMalformed
from audit.redact import REDACTED, is_secret_name, is_suspect, redact

FORMAT = b"\x01"
EVENT_BYTES = 8 * 1024
_READ_CHARS = 2048  # of a text; more is never kept, so it need not be searched for credentials
_KEYS, _KEY_CHARS, _VALUE_CHARS, _TEXT_CHARS = 16, 64, 256, 1024
_CUT = "…[cut]"


class EventKind(StrEnum):
    """Why there is a record."""

    DECISION = "decision"  # a permit, before anything is delivered
    REFUSAL = "refusal"  # denied or rejected, at any stage
    OUTCOME = "outcome"  # what came of a permitted request
    SPOOL_OPENED = "spool-opened"  # a segment began, after a start, a failure or a full segment
    COUNTED = "counted"  # refusals of a flood, summed
    BOOTSTRAP = "bootstrap"  # the first record of a city


class Event(NamedTuple):
    """What happened, in ids only: no names, no credentials."""

    id: str  # the request's id, the same in its decision and its outcome
    kind: EventKind
    at: datetime  # aware; written as UTC with milliseconds
    subject: str  # "user:01J…", "service:clock", "anonymous"
    result: str  # "permit", "deny", "refused", "ok", "failed"
    department: str = ""  # owner of the object; these three are "" where a request was refused before its match
    object: str = ""
    action: str = ""
    label: int = 0
    status: int = 0  # HTTP status of the answer, 0 where there is none
    reason: str = ""
    rule: str = ""
    detail: Mapping[str, str | int] = MappingProxyType({})  # at most 16 keys, values to 256 characters


_KNOWN = frozenset(Event._fields)
_TEXTS = ("id", "subject", "result", "department", "object", "action", "reason", "rule")


def timestamp(at: datetime) -> str:
    """Return `at` as RFC 3339 in UTC, with milliseconds and `Z`. The order of such texts is the order in time."""
    utc = at if at.tzinfo is UTC else at.astimezone(UTC)
    return utc.isoformat(timespec="milliseconds")[: -len("+00:00")] + "Z"


def encode(event: Event) -> bytes:
    """Return the stored bytes of `event`: 0x01 ‖ canonical JSON, ASCII only, at most 8 KiB, free of credentials.

    ASCII JSON escapes every control and line character, so one record is one line for every reader (RFC 8259 §7). What
    is too long is cut with a visible mark and never refused: a caller cannot suppress a record by its size.
    """
    detail = _detail(event.detail)
    text = _text(event, detail)
    if not _is_plain(event.detail, detail, text):
        event, limit = _redacted(event), _TEXT_CHARS
        while len(text := _bounded(event, limit)) >= EVENT_BYTES:
            limit //= 2
    return FORMAT + text.encode("ascii")


def decode(data: bytes) -> Event:
    """Return the event that `encode` turned into exactly these bytes. Raises RecordMalformed."""
    event = parse(data)
    if FORMAT + _text(event, _detail(event.detail)).encode("ascii") != data:
        raise RecordMalformed("event is not in its one canonical form")
    return event


def parse(data: bytes) -> Event:
    """Return the event in `data`, also where `encode` would have written it otherwise. Use it to find a record, not to
    show one. Raises RecordMalformed.
    """
    if data[:1] != FORMAT or len(data) > EVENT_BYTES:
        raise RecordMalformed(f"event of {len(data)} bytes has format {data[:1].hex() or 'none'}")
    try:
        values = json.loads(data[1:].decode("ascii"))
        if not isinstance(values, dict) or values.keys() != _KNOWN or not _well_typed(values):
            raise RecordMalformed("event has other fields than ours")
        values["kind"] = EventKind(values["kind"])
        values["at"] = datetime.fromisoformat(values["at"]).astimezone(UTC)
    except (ValueError, OverflowError, RecursionError) as failure:
        raise RecordMalformed(f"event cannot be read: {type(failure).__name__}") from failure
    return Event(**values)


def _well_typed(values: dict[str, object]) -> bool:
    detail = values["detail"]
    return (
        {type(values[name]) for name in _TEXTS} == {str}
        and type(values["kind"]) is type(values["at"]) is str
        and type(values["label"]) is type(values["status"]) is int
        and isinstance(detail, dict)
        and set(map(type, detail.values())) <= {str, int}
    )


def _is_plain(given: Mapping[str, str | int], detail: str, text: str) -> bool:
    """Whether there is nothing to cut or to redact, as in nearly every event.

    JSON is never shorter than what it says and escapes no character of a credential's mark, so one look at the whole
    text looks at every field in it.
    """
    return (
        len(text) <= _TEXT_CHARS
        and len(detail) <= _VALUE_CHARS
        and len(given) <= _KEYS
        and not is_suspect(text)
        and not any(len(key) > _KEY_CHARS or is_secret_name(key) for key in given)
    )


def _text(event: Event, detail: str) -> str:
    """As `json.dumps` with sorted keys writes it, in less than half the time."""
    return (
        f'{{"action":{_quoted(event.action)},"at":"{timestamp(event.at)}","department":{_quoted(event.department)}'
        f',"detail":{{{detail}}},"id":{_quoted(event.id)},"kind":"{event.kind}","label":{event.label:d}'
        f',"object":{_quoted(event.object)},"reason":{_quoted(event.reason)},"result":{_quoted(event.result)}'
        f',"rule":{_quoted(event.rule)},"status":{event.status:d},"subject":{_quoted(event.subject)}}}'
    )


def _detail(detail: Mapping[str, str | int]) -> str:
    """What stands between the braces."""
    return ",".join(
        [
            f"{_quoted(key)}:{_quoted(value) if isinstance(value, str) else int.__repr__(value)}"
            for key, value in sorted(detail.items())
        ]
    )


def _redacted(event: Event) -> Event:
    detail = {
        redact(key): REDACTED
        if is_secret_name(key)
        else redact(value[:_READ_CHARS])
        if isinstance(value, str)
        else value
        for key, value in event.detail.items()
    }
    texts: dict[str, Any] = {name: redact(getattr(event, name)[:_READ_CHARS]) for name in _TEXTS}
    return event._replace(detail=detail, **texts)


def _bounded(event: Event, limit: int) -> str:
    kept = list(event.detail.items())
    if len(kept) > _KEYS:
        kept = [*kept[: _KEYS - 1], (_CUT, len(kept) - _KEYS + 1)]
    detail = {
        _cut(key, min(limit, _KEY_CHARS)): _cut(value, min(limit, _VALUE_CHARS)) if isinstance(value, str) else value
        for key, value in kept
    }
    texts: dict[str, Any] = {name: _cut(getattr(event, name), limit) for name in _TEXTS}
    return _text(event._replace(**texts), _detail(detail))


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: max(limit - len(_CUT), 0)] + _CUT
