"""Delivery to an upstream: exactly the authorized bytes up, the answer down as it comes, every wait bounded."""

from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from audit.flood import prefix_of
from gateway.errors import UpgradeRefused, UpstreamBusy
from gateway.http.body import bounded_body, pieces, read_body
from gateway.http.tunnel import tunnel_to
from gateway.http.upstream import Upload, Upstreams
from gateway.routes import Route
from gateway.stages import Headers, Inbound, Outbound, Recorded
from gateway.transform import HOP_BY_HOP
from idp.identity import NOBODY

KEPT_BODY_BYTES = 64 * 1024
SHARES = 4  # of an upstream's concurrency; nobody holds more than one of them
# Alt-Svc would lead browsers around the door; X-Accel-* and X-Sendfile command the data plane in front of us; Date is
# the server's to set.
_OURS = frozenset(b"alt-svc date x-sendfile".split())
_OURS_PREFIXES = (b"x-citygate-", b"x-accel-")
_OUR_COOKIES = b"__host-citygate"


class Proxy:
    """The delivery `proxy` (see `Deliver`); one per process, closed with it."""

    def __init__(self) -> None:
        self._under_way: Counter[tuple[str, str]] = Counter()
        self._upstreams = Upstreams()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every upstream connection."""
        self._upstreams.close()

    async def __call__(self, recorded: Recorded) -> Outbound:
        """Send the request, with `recorded.forward` as its headers, to its route's upstream.

        The body of the answer is still under way when this returns: whoever drops the Outbound must `aclose` its body.

        Raises BodyTooLarge, UpgradeRefused, UpstreamBusy, UpstreamUnavailable, UpstreamTimeout, and what the body does.
        While the answer's body is read: UpstreamUnavailable, UpstreamTimeout.
        """
        route, inbound = recorded.matched.route, recorded.inbound
        if inbound.websocket and not route.websocket:
            raise UpgradeRefused("this route has no WebSocket")
        upload = await _upload(inbound, route)
        slot = _Slot(self._under_way, route, _holder(recorded))
        try:
            if inbound.websocket:
                return await tunnel_to(route, inbound.target, recorded.forward, release=slot.release)
            headers = recorded.forward
            if upload.framing == b"transfer-encoding":  # hop by hop: said anew for the next
                headers = (*headers, (b"transfer-encoding", b"chunked"))
            answer = await self._upstreams.ask(
                route.upstream, inbound.method, inbound.target, headers, upload=upload, over=slot.release
            )
        except BaseException:
            slot.release()
            raise
        return Outbound(status=answer.status, headers=_answer_headers(answer.headers), body=answer)


async def _upload(inbound: Inbound, route: Route) -> Upload:
    """The request's body, within the route's bounds. Raises BodyTooLarge, and what the body does."""
    length, framing = inbound.header(b"content-length"), None
    if inbound.header(b"transfer-encoding") is not None:
        framing = b"transfer-encoding"
    elif length not in (None, "0"):
        framing = b"content-length"
    if framing is None:
        chunks = pieces(b"")
    elif route.body_bytes <= KEPT_BODY_BYTES:  # who sends it slowly holds no slot meanwhile
        whole = await read_body(inbound, limit_bytes=route.body_bytes, deadline_seconds=route.deadline_seconds)
        chunks = pieces(whole)
    else:
        chunks = bounded_body(inbound, limit_bytes=route.body_bytes)
    return Upload(chunks, framing=framing, deadline_seconds=route.deadline_seconds)


def _holder(recorded: Recorded) -> str:
    """Whose share of an upstream a request takes: a subject's, or that of all of nobody in one network."""
    subject = recorded.identity.subject
    return prefix_of(recorded.inbound.address) if subject == NOBODY.subject else subject


class _Slot:
    """One of the requests an upstream may have under way, and one of its subject's share of them; given back once."""

    def __init__(self, under_way: Counter[tuple[str, str]], route: Route, holder: str) -> None:
        """Raises UpstreamBusy."""
        own = max(1, route.concurrency // SHARES)
        limits = {(route.upstream, ""): route.concurrency, (route.upstream, holder): own}
        for key, most in limits.items():
            if under_way[key] >= most:
                raise UpstreamBusy(f"{most} requests under way")
        self._under_way, self._keys = under_way, tuple(limits)
        under_way.update(self._keys)

    def release(self) -> None:
        self._under_way.subtract(self._keys)
        for key in self._keys:
            if not self._under_way[key]:
                del self._under_way[key]
        self._keys = ()


def _answer_headers(received: Sequence[tuple[bytes, bytes]]) -> Headers:
    """What of the upstream's head is the client's: end-to-end headers outside the door's namespace."""
    named = {token.strip().lower() for name, value in received if name == b"connection" for token in value.split(b",")}
    return tuple(pair for pair in received if pair[0] not in named and not is_dropped(*pair))


def is_dropped(name: bytes, value: bytes) -> bool:
    """Is this header of an upstream's answer (lower case) hop-by-hop, or not an upstream's to set?"""
    if name == b"set-cookie":
        return value.lstrip(b" \t=").lower().startswith(_OUR_COOKIES)  # a nameless cookie is sent like the named one
    return name in HOP_BY_HOP or name in _OURS or name.startswith(_OURS_PREFIXES)
