"""RouteTable: which host and path belong to which system, department, action and label; overlap is an error.

A path pattern is made of literal segments, `{name}` for exactly one segment, and `/**` at the end for any rest,
none included. A label by path always ends in `/**`, so that no spelling of a longer path slips under it.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unicodedata import is_normalized
from urllib.parse import unquote

from authz.facts import SystemFact
from authz.label import Label
from gateway.errors import InvalidRoute, RouteUnknown
from storage.actions import Action

DOOR_PATHS = ("/.citygate/", "/.well-known/citygate/")  # of every host, and never an upstream's

_HOST = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*", re.ASCII)
# A literal is spelled as `canonical` lets a path be spelled, or it would never match; one that begins with ":" would be
# a parameter to the policy.
_LITERAL = re.compile(
    r"(?!:|\.\.?$)(?:[A-Za-z0-9._~:@!$&'()+,=-]|%(?:2[02]|3[CE]|5[BDE]|60|7[BCD])|%[89A-F][0-9A-F])+", re.ASCII
)
VARIABLE = re.compile(r"\{([a-z]+)\}", re.ASCII)
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_ACTION = re.compile(r"[a-z-]+(:[a-z-]+)?", re.ASCII)
_DELIVERIES = ("proxy", "local")
_READING, _WRITING = frozenset({"GET", "OPTIONS"}), frozenset({"POST", "PUT", "PATCH", "DELETE"})
_GRACE_SECONDS_MAX = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One entry of the table, as validated configuration."""

    host: str  # "marriage.localhost"
    path: str  # "/**", "/departments/{department}/people"
    system: str
    department: str  # owner of the objects; may be "{department}", then the path names it
    actions: Mapping[str, str]  # method → action; a method that is not here is 405
    label: Label = Label.L5  # unless somebody says less
    registered: bool = False  # it sets no label: its system's holds, as the register says at the time of a request
    # by path inside the route; the highest that matches counts
    labels: Mapping[str, Label] = field(default_factory=dict)
    delivery: str = "proxy"  # proxy · local
    forward_auth: bool = False  # the data plane delivers; the whole host, or none of it
    upstream: str = ""  # "http://127.0.0.1:8001"
    public: bool = False  # anybody may; still a decision, for `anonymous`
    deadline_seconds: float = 30.0  # until the upstream's head, and between two chunks
    body_bytes: int = 1 << 20
    concurrency: int = 256  # requests under way at the upstream; of one subject, a quarter of them
    grace_seconds: int = 0  # reads below label 3 without a fresh lease, at most 600
    websocket: bool = False
    # action → what a second person must be permitted to do on the same object to approve it; "local" routes only
    approval: Mapping[str, str] = field(default_factory=dict)
    approval_label: Label = Label.L1  # of the approving path, where asking takes less than approving
    approves: str = ""  # the path of the route whose requests are approved here (`approval.approving_route`)
    # the object that is decided about, as a pattern of the path's variables; "": the path. Page and API of one act name
    # one object, so a rule about it is written once
    about: str = ""
    of_system: str = ""  # the variable of the path that names the system whose object this is: its label counts too
    in_zone: str = ""  # and the one that names the zone it is placed in: its ceiling counts too

    def __post_init__(self) -> None:
        checks = {
            "host": _HOST.fullmatch(self.host),
            "path": _is_pattern(self.path),
            "system": _NAME.fullmatch(self.system),
            "department": _NAME.fullmatch(self.department)
            or (self.department == "{department}" and "{department}" in _segments(self.path)),
            "actions": self.actions and all(map(_is_action, self.actions, self.actions.values())),
            "about": not self.about or self._is_about(),
            "of_system": not self.of_system or f"{{{self.of_system}}}" in _segments(self.path),
            "in_zone": not self.in_zone or f"{{{self.in_zone}}}" in _segments(self.path),
            "labels": all(_is_pattern(path) and path.endswith("/**") for path in self.labels),
            "delivery": self.delivery in _DELIVERIES and (self.delivery == "local") == (not self.upstream),
            "upstream": not (self.upstream and is_door_path(self.path)),
            "grace_seconds": 0 <= self.grace_seconds <= _GRACE_SECONDS_MAX,
            "deadline_seconds": self.deadline_seconds > 0,
            "body_bytes": self.body_bytes >= 0,
            "concurrency": self.concurrency > 0,
            "approval": self._is_approval(),
            "approves": not self.approves
            or (self.delivery == "local" and self.path == f"{self.approves}/approve/{{request}}"),
            # a file may say "false", which is true
            "public": all(isinstance(one, bool) for one in (self.public, self.forward_auth, self.websocket)),
        }
        for name, holds in checks.items():
            if not holds:
                raise InvalidRoute(f"{self.host}{self.path}: `{name}` is not valid")

    def _is_approval(self) -> bool:
        """One way to approve a path: the acts that need it, and one other action that is none of them."""
        if not self.approval:
            return self.approval_label is Label.L1
        own, approving = set(self.actions.values()), set(self.approval.values())
        return (
            self.delivery == "local"
            and not (self.public or self.forward_auth or self.approves)
            and self.approval.keys() <= own - {Action.READ}
            and len(approving) == 1
            and not approving & own
            and all(_is_action("POST", one) for one in approving)
            and _segments(self.path)[-1] not in ("", "**")
            and "{request}" not in _segments(self.path)
        )

    def _is_about(self) -> bool:
        """One object for each path: a pattern without a rest, of variables that the path has too."""
        variables = {one for one in _segments(self.about) if one.startswith("{")}
        return _is_pattern(self.about) and not self.about.endswith("/**") and variables <= set(_segments(self.path))

    def object_of(self, path: str, segments: tuple[str, ...]) -> str:
        """The object that a request for `path` is about; `segments` are the path's."""
        if not self.about:
            return f"/{self.system}{path}"
        values = dict(zip(_segments(self.path), segments, strict=False))
        return "/".join(["", self.system, *(values.get(one, one) for one in _segments(self.about))])

    def label_of(self, segments: tuple[str, ...], systems: Mapping[str, SystemFact]) -> Label:
        """The object's label: the highest of the route's own and of every labelled path that covers it.

        Of a route that sets none it is its system's; of a system that nobody registered nothing is known.
        """
        inner = (label for path, label in self.labels.items() if _covers(_segments(path), segments))
        return max((self._default(systems) if self.registered else self.label, *inner))

    def _default(self, systems: Mapping[str, SystemFact]) -> Label:
        known = systems.get(self.system)
        return known.label if known else Label.L5


class RouteTable:
    """All routes of all hosts. Raises InvalidRoute when two of them could both serve one path."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes = tuple(routes)
        self._hosts: dict[str, _Node] = {}
        for route in self.routes:
            node = self._hosts.setdefault(route.host, _Node())
            clash = next(
                (other for other in node.routes() if _overlap(_segments(other.path), _segments(route.path))), None
            )
            if clash:
                raise InvalidRoute(f"{route.host}: `{route.path}` and `{clash.path}` overlap")
            node.add(_segments(route.path), route)
        for host in self._hosts:
            _check_forward_auth(host, [r for r in self.routes if r.host == host and not is_door_path(r.path)])

    @property
    def hosts(self) -> frozenset[str]:
        """Every registered host name."""
        return frozenset(self._hosts)

    def find(self, host: str, path: str) -> tuple[Route, tuple[str, ...]]:
        """The one route for `path` (canonical, begins with "/") and the path's segments. Raises RouteUnknown."""
        segments = _segments(path)
        node = self._hosts.get(host)
        route = node.find(segments) if node else None
        if route is None or is_door_path(path) != is_door_path(route.path):
            raise RouteUnknown  # nor does a pattern of an upstream ever reach the door's own paths
        return route, segments


def load_routes(path: Path, *, labels: Mapping[str, Label] | None = None) -> list[Route]:
    """The routes in a TOML file's `[[routes]]`. Raises InvalidRoute, OSError.

    A route that sets no label is `registered`; until it is asked for, `labels` say what the register says.
    """
    try:
        entries = tomllib.loads(path.read_text())["routes"]
        return [_route(entry, labels or {}) for entry in entries]
    except (tomllib.TOMLDecodeError, AttributeError, KeyError, TypeError, ValueError) as wrong:
        raise InvalidRoute(f"{path.name}: {wrong}") from wrong


def _route(entry: dict[str, Any], defaults: Mapping[str, Label]) -> Route:
    own = Label(entry["label"]) if "label" in entry else defaults.get(entry["system"], Label.L5)
    labels = {pattern: Label(label) for pattern, label in entry.get("labels", {}).items()}
    return Route(**{**entry, "label": own, "registered": "label" not in entry, "labels": labels})


def is_door_path(path: str) -> bool:
    """Whether this path belongs to the door itself, on whatever host."""
    return f"{path}/".startswith(DOOR_PATHS)


def segment_named(pattern: str, segments: tuple[str, ...], name: str) -> str:
    """The segment that stands where `pattern` says `{name}`."""
    return segments[_segments(pattern).index(f"{{{name}}}")]


class _Node:
    """A trie of segments; because nothing overlaps, at most one route is found whatever the order of the search."""

    def __init__(self) -> None:
        self._literal: dict[str, _Node] = {}
        self._one: _Node | None = None
        self._rest: Route | None = None
        self._here: Route | None = None

    def add(self, pattern: tuple[str, ...], route: Route) -> None:
        if not pattern:
            self._here = route
        elif pattern == ("**",):
            self._rest = route
        elif pattern[0].startswith("{"):
            self._one = self._one or _Node()
            self._one.add(pattern[1:], route)
        else:
            self._literal.setdefault(pattern[0], _Node()).add(pattern[1:], route)

    def find(self, segments: tuple[str, ...], at: int = 0) -> Route | None:
        if at == len(segments):
            return self._here or self._rest
        for node in (self._literal.get(segments[at]), self._one if segments[at] else None):
            if node and (found := node.find(segments, at + 1)):
                return found
        return self._rest

    def routes(self) -> Iterator[Route]:
        yield from (route for route in (self._here, self._rest) if route)
        for node in (*self._literal.values(), *([self._one] if self._one else [])):
            yield from node.routes()


def _check_forward_auth(host: str, routes: list[Route]) -> None:
    """What forward-auth cannot do, it may not be asked to: the data plane delivers, and we never see the answer."""
    if len({route.forward_auth for route in routes}) > 1:
        raise InvalidRoute(f"{host}: a host is forward-auth or inline as a whole")
    for route in routes:
        writes = route.actions.keys() - {"GET", "HEAD"}
        if route.forward_auth and writes and max(route.label, *route.labels.values(), 1) >= Label.L3:
            raise InvalidRoute(f"{host}{route.path}: the outcome of a write to label 3 needs an inline host")
        if route.forward_auth and route.websocket:
            raise InvalidRoute(f"{host}{route.path}: a WebSocket needs an inline host, where it can be ended")


def _segments(path: str) -> tuple[str, ...]:
    return tuple(path[1:].split("/"))


def _is_pattern(path: str) -> bool:
    *front, last = _segments(path)
    segment_named = front if last in ("", "**") else [*front, last]
    variables = [one for one in segment_named if VARIABLE.fullmatch(one)]
    return (
        path.startswith("/")
        and len(variables) == len(set(variables))  # of two of one name, the object would hold the last alone
        and all(VARIABLE.fullmatch(one) or _is_literal(one) for one in segment_named)
    )


def _is_literal(segment: str) -> bool:
    if not _LITERAL.fullmatch(segment):
        return False
    try:
        text = unquote(segment, errors="strict")
    except UnicodeDecodeError:
        return False
    return text.isprintable() and is_normalized("NFC", text)


def _is_action(method: str, action: str) -> bool:
    """A write is never called `read`: that word alone spares a request its outcome record and a lost lease."""
    known = method in _READING or (method in _WRITING and action != Action.READ)
    return known and bool(_ACTION.fullmatch(action))


def _covers(pattern: tuple[str, ...], segments: tuple[str, ...]) -> bool:
    front = pattern[:-1]  # labelled paths end in "**"
    return len(segments) >= len(front) and all(
        p.startswith("{") or p == s for p, s in zip(front, segments, strict=False)
    )


def _overlap(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    for a, b in zip(one, other, strict=False):
        if "**" in (a, b):
            door = [is_door_path("/" + "/".join(pattern)) for pattern in (one, other)]
            return door[0] == door[1]
        if a != b and not (a and b and "{" in (a[0], b[0])):
            return False
    longer = max(one, other, key=len)
    return len(one) == len(other) or longer[min(len(one), len(other)) :] == ("**",)
