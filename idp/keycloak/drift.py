"""What differs between a thing as it should be and as it is; secrets are compared, never shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_SECRET = frozenset({"secret"})
_MAX_CHARS = 200
_ABSENT = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One difference: of what, where in it, what is there, what should be."""

    what: str  # "client citygate"
    path: str  # "attributes.backchannel.logout.url"; "" for the whole
    found: str  # JSON-like text, at most 200 characters; "absent"
    wanted: str


def differences(what: str, wanted: Mapping[str, Any], found: Mapping[str, Any] | None) -> list[Drift]:
    """Where `found` is not what is `wanted`.

    Of a mapping only the wanted members are compared, except that an empty one means empty; everything else is equal
    as a whole. None: it is not there at all.
    """
    if found is None:
        return [Drift(what=what, path="", found="absent", wanted="present")]
    return [
        Drift(
            what=what,
            path=path,
            found=_shown(path, is_, wish, hidden="another one"),
            wanted=_shown(path, wish, is_, hidden="the plan's"),
        )
        for path, wish, is_ in _unequal("", wanted, found)
    ]


def merge(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """`found` with everything `wanted` in it: what to write, where Keycloak replaces the whole."""
    both = dict(found)
    for name, wish in wanted.items():
        is_ = found.get(name)
        both[name] = merge(wish, is_) if _is_open(wish) and isinstance(is_, Mapping) else wish
    return both


def _unequal(path: str, wish: Any, is_: Any) -> list[tuple[str, Any, Any]]:
    if _is_open(wish) and isinstance(is_, Mapping):
        return [
            found
            for name, inner in wish.items()
            for found in _unequal(f"{path}.{name}" if path else name, inner, is_.get(name, _ABSENT))
        ]
    return [] if wish == is_ or (is_ is _ABSENT and wish in ("", [], {})) else [(path, wish, is_)]


def _is_open(wish: Any) -> bool:
    return isinstance(wish, Mapping) and bool(wish)


def _shown(path: str, value: Any, beside: Any, *, hidden: str) -> str:
    if value is _ABSENT:
        return "absent"
    if path.rpartition(".")[2] in _SECRET:
        return hidden
    if isinstance(value, list) and isinstance(beside, list):  # what both have would hide what differs
        own, other = ([one for one in ours if one not in theirs] for ours, theirs in ((value, beside), (beside, value)))
        value = own if own or other else value
    return str(value)[:_MAX_CHARS]
