"""What a request has earned so far: Raw → Inbound → Matched → Authenticated → Admitted → Recorded, and the Outbound.

Each stage holds the one before it, so a function's signature says what must have happened before it may run.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from authz.label import Label
from authz.request import Decision
from gateway.routes import Route
from idp.identity import Identity

Headers = tuple[tuple[bytes, bytes], ...]


class Listener(StrEnum):
    """Where a request came in, which alone decides what is believed about it."""

    PUBLIC = "public"  # anybody; nothing is believed
    PROXIED = "proxied"  # our own data plane in front of us, known by its secret: its client address is believed
    GATE = "gate"  # the data plane's auth_request, known by its secret: its original target is believed


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """One request as the server read it, before anything was understood."""

    method: bytes
    target: bytes  # the request target, every byte as received
    headers: Headers  # names as received
    peer: str  # address of the other end, "" for a socket file
    body: Callable[[], AsyncIterator[bytes]]  # the body's chunks, once
    listener: Listener = Listener.PUBLIC
    scheme: str = "http"
    websocket: bool = False
    # what only the view that sends a parked request again says, in this process (`console.resume`)
    resumed: str = ""  # the parked request's id
    approver: str = ""  # who approved it


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """A request with exactly one reading (RFC 3986 §6.2.2); only `canonical` makes it."""

    id: str  # minted here, carried by every record, page and assertion
    at: datetime
    method: str
    host: str  # lower case, without port
    origin: str  # "http://host:port", as the browser sees it
    path: str  # the target's path, decoded nowhere: bytes that were authorized are the bytes that are sent
    query: str  # without "?"
    headers: Headers  # names lower case
    address: str
    body: Callable[[], AsyncIterator[bytes]]
    listener: Listener
    websocket: bool = False
    resumed: str = ""  # the parked request that this is; "" for whatever came over the wire
    approver: str = ""  # the second person, "" where there was none

    @property
    def target(self) -> str:
        """Path and query as they are forwarded."""
        return f"{self.path}?{self.query}" if self.query else self.path

    def header(self, name: bytes) -> str | None:
        """The value of a header that may stand once, or None."""
        for key, value in self.headers:
            if key == name:
                return value.decode("latin-1")
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """The one route that serves this request, and what it says about the object."""

    inbound: Inbound
    route: Route
    department: str
    object: str
    action: str
    label: Label
    segments: tuple[str, ...] = ()  # of the path, which a system's label is looked up by once more
    system: str = ""  # whose object it is, and
    zone: str = ""  # where it is placed, where the path names them


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticated:
    """Who is calling; `anonymous` is an identity too."""

    matched: Matched
    identity: Identity


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """The PDP said permit; only `authorize` makes it."""

    authenticated: Authenticated
    decision: Decision
    stale: bool = False  # decided inside a route's declared grace, without a fresh lease


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The decision stands in the spool; only `record` makes it, and only this can be delivered."""

    admitted: Admitted
    forward: Headers = ()  # what `transform` prepared for the upstream
    notes: dict[str, str | int] = field(default_factory=dict, compare=False)  # for the outcome record, by whoever acts

    @property
    def inbound(self) -> Inbound:
        return self.admitted.authenticated.matched.inbound

    @property
    def matched(self) -> Matched:
        return self.admitted.authenticated.matched

    @property
    def identity(self) -> Identity:
        return self.admitted.authenticated.identity


Stage = Raw | Inbound | Matched | Authenticated | Admitted | Recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbound:
    """An answer on its way out."""

    status: int
    headers: Headers = ()
    body: bytes | AsyncIterator[bytes] = b""
    again: Raw | None = None  # a parked request its requester asked to send again


Deliver = Callable[[Recorded], Awaitable[Outbound]]
