"""One event: who did what to which object, what was decided, and what came of it; to bytes and back."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from enum import StrEnum
from json.encoder import encode_basestring_ascii as _quoted
from operator import attrgetter, itemgetter
from typing import Any

from audit.errors import RecordMalformed
from audit.redact import REDACTED, is_secret_name, is_suspect, redact

FORMAT = b"\x01"
EVENT_BYTES = 8 * 1024
_READ_CHARS = 2048  # of a text; more is never kept, so it need not be searched for credentials
_KEYS, _KEY_CHARS, _VALUE_CHARS, _TEXT_CHARS = 16, 64, 256, 1024
_PLAIN_CHARS = 512  # so many fit whatever they are: 12 bytes is the longest escape of one
_CUT = "…[cut]"


class EventKind(StrEnum):
    """Why there is a record."""

    DECISION = "decision"  # a permit, before anything is delivered
    REFUSAL = "refusal"  # denied or rejected, at any stage
    OUTCOME = "outcome"  # what came of a permitted request
    SPOOL_OPENED = "spool-opened"  # a segment began, after a start, a failure or a full segment
    COUNTED = "counted"  # refusals of a flood, summed
    BOOTSTRAP = "bootstrap"  # the first record of a city


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
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
    detail: Mapping[str, str | int] = field(default_factory=dict)  # at most 16 keys, values to 256 characters


_TEXTS = tuple(f.name for f in fields(Event) if f.type is str)
_NAMES = tuple(sorted(f.name for f in fields(Event)))
_KNOWN = frozenset(_NAMES)
_values_of, _texts_of = attrgetter(*_NAMES), itemgetter(*_TEXTS)


def timestamp(at: datetime) -> str:
    """RFC 3339, UTC, milliseconds, `Z`; its text order is the order in time."""
    utc = at if at.tzinfo is UTC else at.astimezone(UTC)
    return utc.isoformat(timespec="milliseconds")[: -len("+00:00")] + "Z"


def encode(event: Event) -> bytes:
    """Return the stored bytes: 0x01 ‖ canonical JSON, ASCII only, at most 8 KiB, free of credentials.

    ASCII JSON escapes every control and line character, so one record is one line for every reader (RFC 8259 §7).
    What is too long is cut with a visible mark, never refused: a caller cannot suppress a record by its size.
    """
    values = _values(event)
    if _is_plain(values):
        return _canonical(values)
    values, limit = _redacted(values), _TEXT_CHARS
    while len(data := _canonical(_bounded(values, limit))) > EVENT_BYTES:
        limit //= 2
    return data


def decode(data: bytes) -> Event:
    """Return the event that `encode` turned into exactly `data`. Raises RecordMalformed."""
    if data[:1] != FORMAT or len(data) > EVENT_BYTES:
        raise RecordMalformed(f"event of {len(data)} bytes has format {data[:1].hex() or 'none'}")
    try:
        values = json.loads(data[1:])
        if not isinstance(values, dict) or values.keys() != _KNOWN or not _well_typed(values):
            raise RecordMalformed("event has other fields than ours")
        values["kind"], values["at"] = EventKind(values["kind"]), datetime.fromisoformat(values["at"])
        event = Event(**values)
        same = _canonical(_values(event)) == data
    except (ValueError, RecursionError) as failure:
        raise RecordMalformed(f"event cannot be read: {type(failure).__name__}") from failure
    if not same:
        raise RecordMalformed("event is not in its one canonical form")
    return event


def _well_typed(values: dict[str, object]) -> bool:
    detail = values["detail"]
    return (
        set(map(type, _texts_of(values))) == {str}
        and type(values["kind"]) is type(values["at"]) is str
        and type(values["label"]) is type(values["status"]) is int
        and isinstance(detail, dict)
        and set(map(type, detail.values())) <= {str, int}
    )


def _values(event: Event) -> dict[str, Any]:
    values = dict(zip(_NAMES, _values_of(event), strict=True))
    values["at"], values["detail"] = timestamp(event.at), dict(event.detail)
    return values


def _is_plain(values: Mapping[str, Any]) -> bool:
    """Whether there is nothing to cut or to redact, as in nearly every event."""
    detail = values["detail"]
    texts = [*_texts_of(values), *(value for value in detail.values() if isinstance(value, str))]
    told = "\n".join([*texts, *detail])
    return (
        len(told) <= _PLAIN_CHARS
        and len(detail) <= _KEYS
        and max(map(len, texts)) <= _VALUE_CHARS
        and not any(len(key) > _KEY_CHARS or is_secret_name(key) for key in detail)
        and not is_suspect(told)
    )


def _canonical(values: Mapping[str, Any]) -> bytes:
    """As `json.dumps` with sorted keys writes it, in less than half the time."""
    detail = ",".join([f"{_quoted(key)}:{_json(value)}" for key, value in sorted(values["detail"].items())])
    text = (
        f'{{"action":{_quoted(values["action"])},"at":{_quoted(values["at"])},"department":'
        f'{_quoted(values["department"])},"detail":{{{detail}}},"id":{_quoted(values["id"])},"kind":'
        f'{_quoted(values["kind"])},"label":{int(values["label"])},"object":{_quoted(values["object"])},"reason":'
        f'{_quoted(values["reason"])},"result":{_quoted(values["result"])},"rule":{_quoted(values["rule"])},"status":'
        f'{int(values["status"])},"subject":{_quoted(values["subject"])}}}'
    )
    return FORMAT + text.encode("ascii")


def _json(value: str | int) -> str:
    return _quoted(value) if isinstance(value, str) else int.__repr__(value)


def _redacted(values: dict[str, Any]) -> dict[str, Any]:
    detail = {
        redact(key): REDACTED
        if is_secret_name(key)
        else redact(value[:_READ_CHARS])
        if isinstance(value, str)
        else value
        for key, value in values["detail"].items()
    }
    return values | {name: redact(values[name][:_READ_CHARS]) for name in _TEXTS} | {"detail": detail}


def _bounded(values: dict[str, Any], limit: int) -> dict[str, Any]:
    kept = list(values["detail"].items())
    if len(kept) > _KEYS:
        kept = [*kept[: _KEYS - 1], (_CUT, len(kept) - _KEYS + 1)]
    detail = {
        _cut(key, min(limit, _KEY_CHARS)): _cut(value, min(limit, _VALUE_CHARS)) if isinstance(value, str) else value
        for key, value in kept
    }
    return values | {name: _cut(values[name], limit) for name in _TEXTS} | {"detail": detail}


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: max(limit - len(_CUT), 0)] + _CUT
