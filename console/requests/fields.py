"""What stands in the body of a parked request, as a second person may see it: field by field, secrets blotted out."""

import json
import unicodedata
from collections.abc import Iterable
from urllib.parse import parse_qsl

from audit.redact import REDACTED, is_secret_name, redact
from authz.park import ParkedRequest

_FIELDS, _NAME_CHARS, _VALUE_CHARS = 40, 64, 500
_CUT = "…[cut]"
_DOORS_OWN = {"csrf"}


def fields_of(request: ParkedRequest) -> list[tuple[str, str]]:
    """(name, value) in the order sent; what is not legible is shown by its kind and size."""
    pairs = _pairs(request)
    if pairs is None:
        return [("?", f"{len(request.body)} bytes, {plain(_kind(request), _NAME_CHARS)}")]
    shown = [(name, value) for name, value in pairs if name not in _DOORS_OWN]
    return [(plain(name, _NAME_CHARS), _shown(name, value)) for name, value in shown]


def is_legible(request: ParkedRequest) -> bool:
    """Whether every field can be shown whole, and as the desk will read it: nobody approves what he cannot see."""
    pairs = _pairs(request)
    return pairs is not None and all(len(name) <= _NAME_CHARS and len(value) <= _VALUE_CHARS for name, value in pairs)


def _kind(request: ParkedRequest) -> str:
    return next((value for name, value in request.headers if name == "content-type"), "").partition(";")[0].strip()


def _pairs(request: ParkedRequest) -> list[tuple[str, str]] | None:
    """Of a form or of JSON; None for anything else, for too many, and where one name stands twice."""
    if not request.body:
        return []
    try:
        if _kind(request) == "application/x-www-form-urlencoded":
            pairs = parse_qsl(request.body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_FIELDS)
        elif _kind(request) == "application/json":
            pairs = list(_flat("", json.loads(request.body, object_pairs_hook=_object)))
        else:
            return None
    except (ValueError, RecursionError):
        return None
    return pairs if len(dict(pairs)) == len(pairs) <= _FIELDS else None


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object of JSON. Raises ValueError for a name that stands twice (RFC 8259 §4)."""
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a name stands twice")
    return dict(pairs)


def plain(text: str, most: int) -> str:
    """One line that every reader sees alike: no control or direction characters, bounded, visibly cut."""
    seen = "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(char) in _UNSEEN else char for char in text[:most]
    )
    return seen if len(text) <= most else seen + _CUT


_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def _shown(name: str, value: str) -> str:
    secret = is_secret_name(name.rpartition(".")[2])
    return REDACTED if secret else plain(redact(value[: _VALUE_CHARS * 2]), _VALUE_CHARS)


def _flat(path: str, value: object) -> Iterable[tuple[str, str]]:
    """JSON as lines of dotted names, so that no secret hides in a branch."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flat(f"{path}.{key}" if path else str(key), inner)
    elif isinstance(value, list) and value:
        for at, inner in enumerate(value):
            yield from _flat(f"{path}[{at}]", inner)
    else:
        yield path or "?", value if isinstance(value, str) else json.dumps(value)
