"""Anchored path patterns, `/a/b`, `/a/:id`, `/a/*`, and the index that finds all that match one path."""

from typing import Generic, TypeVar

from authz.errors import PolicyInvalid

PATTERN_CHARS = 512
SHAPES = 256
_ANY, _REST = "\0", "\0*"  # in no pattern and in no path
_RESERVED = frozenset('*:\\,;"()[]{}<>|^`?#')  # of patterns, CSV, regular expressions and request targets


def check_name(name: str, what: str) -> None:
    """Check that `name` has one reading: printable, no blank at an edge, nothing that CSV or a wildcard reads
    otherwise.

    `what` is what it names (a subject, role, department, action or id), for the message. Returns nothing. Raises
    PolicyInvalid.
    """
    if not name:
        raise PolicyInvalid(f"empty {what}")
    if len(name) > PATTERN_CHARS:
        raise PolicyInvalid(f"{what} longer than {PATTERN_CHARS} characters")
    if not name.isprintable() or name != name.strip():
        raise PolicyInvalid(f"control character or blank at an edge in {what} {name!a}")
    if wrong := set('*,"()[]').intersection(name):
        raise PolicyInvalid(f"`{min(wrong)}` in {what} `{name}`")


def segments_of(pattern: str) -> tuple[str, ...]:
    """Return the segments of an object pattern: literals, `:name` for exactly one segment, a last `*` for any rest.

    `/a/*` matches `/a/` and all below it, and not `/a`. Raises PolicyInvalid for any other use of a reserved character.
    """
    if not pattern or len(pattern) > PATTERN_CHARS:
        raise PolicyInvalid(f"object pattern must have 1 to {PATTERN_CHARS} characters")
    if not pattern.isprintable() or " " in pattern:
        raise PolicyInvalid(f"blank or control character in object pattern {pattern!a}")
    segments = tuple(pattern.split("/"))
    for segment in segments[1:-1]:
        if not segment:
            raise PolicyInvalid(f"empty segment in object pattern `{pattern}`")
    literals = segments[:-1] if len(segments) > 1 and segments[-1] == "*" else segments
    for segment in literals:
        text = segment[1:] if segment.startswith(":") and segment != ":" else segment
        if wrong := _RESERVED.intersection(text):
            raise PolicyInvalid(f"`{min(wrong)}` in object pattern `{pattern}`")
    return segments


Leaf = TypeVar("Leaf")


class PathIndex(Generic[Leaf]):
    """Finds all patterns that match a path by one look-up for each *shape*: where parameters stand, and a last `*`.

    Patterns are many and shapes are few, so the work of `find` does not depend on how many patterns there are.
    Filled by `leaf`, then only read.
    """

    __slots__ = ("_leaves", "_rests", "_wholes")

    def __init__(self) -> None:
        self._leaves: dict[str, dict[str, Leaf]] = {}  # by pattern, each parameter written as _ANY
        self._wholes: dict[int, list[tuple[int, ...]]] = {}  # by number of segments: where parameters stand
        self._rests: list[tuple[int, tuple[int, ...]]] = []  # segments before `*`, where parameters stand

    def leaf(self, segments: tuple[str, ...]) -> dict[str, Leaf]:
        """Return what the patterns with these segments (from `segments_of`) say, by subject, to be filled by the
        caller. Raises PolicyInvalid for more than 256 shapes.
        """
        where = tuple(at for at, segment in enumerate(segments) if segment.startswith(":"))
        key = [_ANY if segment.startswith(":") else segment for segment in segments]
        if segments[-1] == "*":
            key[-1] = _REST
            if (shape := (len(segments) - 1, where)) not in self._rests:
                self._rests.append(shape)
        elif where not in (whole := self._wholes.setdefault(len(segments), [])):
            whole.append(where)
        if len(self._rests) + sum(map(len, self._wholes.values())) > SHAPES:
            raise PolicyInvalid(f"more than {SHAPES} shapes of patterns for one department and action")
        return self._leaves.setdefault("/".join(key), {})

    def find(self, path: str, segments: list[str]) -> tuple[list[dict[str, Leaf]], int]:
        """Return what the patterns say that match `path`, and how many look-ups that took.
        `segments` are those of `path`.
        """
        wholes = self._wholes.get(len(segments), ())
        keys = [_key(segments, where) if where else path for where in wholes]
        keys += [_key([*segments[:end], _REST], where) for end, where in self._rests if end < len(segments)]
        return [leaf for key in keys if (leaf := self._leaves.get(key)) is not None], len(keys)


def _key(segments: list[str], where: tuple[int, ...]) -> str:
    """The pattern these segments match with parameters at `where`; "" if one of them would be empty."""
    key = segments.copy()
    for at in where:
        if not key[at]:
            return ""
        key[at] = _ANY
    return "/".join(key)
