"""Delivery to an upstream: exactly the authorized bytes up, the answer down as it comes, every wait bounded."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Self

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from audit.flood import prefix_of
from gateway.body import bounded_body, pieces, read_body
from gateway.errors import (
    GatewayError,
    UpgradeRefused,
    UpstreamBusy,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from gateway.routes import Route
from gateway.stages import Headers, Inbound, Outbound, Recorded
from gateway.transform import HOP_BY_HOP
from gateway.tunnel import tunnel_to
from idp.identity import NOBODY

KEPT_BODY_BYTES = 64 * 1024
SHARES = 4  # of an upstream's concurrency; nobody holds more than one of them
KEPT_ALIVE_SECONDS = 2.0  # shorter than any upstream's own, so that a connection is rarely stale when it is used again
# Alt-Svc would lead browsers around the door; X-Accel-* and X-Sendfile command the data plane in front of us; Date is
# the server's to set.
_OURS = frozenset(b"alt-svc date x-sendfile".split())
_OURS_PREFIXES = (b"x-citygate-", b"x-accel-")
_OUR_COOKIES = b"__host-citygate"
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_AUTOMATIC = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


class Proxy:
    """The delivery `proxy` (see `Deliver`); one per process, closed with it."""

    def __init__(self) -> None:
        self._under_way: Counter[tuple[str, str]] = Counter()
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the connection pool."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEPT_ALIVE_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=_AUTOMATIC,
            timeout=aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every upstream connection."""
        if self._session:
            await self._session.close()

    async def __call__(self, recorded: Recorded) -> Outbound:
        """Send the request, with `recorded.forward` as its headers, to its route's upstream.

        The body of the answer is still under way when this returns: whoever drops the Outbound must `aclose` its body.

        Raises BodyTooLarge, UpgradeRefused, UpstreamBusy, UpstreamUnavailable, UpstreamTimeout, and what the body does.
        While the answer's body is read: UpstreamUnavailable, UpstreamTimeout.
        """
        route, inbound = recorded.matched.route, recorded.inbound
        if inbound.websocket and not route.websocket:
            raise UpgradeRefused("this route has no WebSocket")
        if route.body_bytes <= KEPT_BODY_BYTES:  # who sends it slowly holds no slot meanwhile
            chunks = pieces(
                await read_body(inbound, limit_bytes=route.body_bytes, deadline_seconds=route.deadline_seconds)
            )
        else:
            chunks = bounded_body(inbound, limit_bytes=route.body_bytes)
        upload = _Upload(inbound, chunks, deadline_seconds=route.deadline_seconds)
        slot = _Slot(self._under_way, route, _holder(recorded))
        try:
            if inbound.websocket:
                return await tunnel_to(route, inbound.target, recorded.forward, release=slot.release)
            answer = await self._ask(route, inbound, recorded.forward, upload)
            headers = _answer_headers(answer)
        except BaseException:
            slot.release()
            raise
        stream = _Stream(answer, deadline_seconds=route.deadline_seconds, release=slot.release)
        return Outbound(status=answer.status, headers=headers, body=stream)

    async def _ask(self, route: Route, inbound: Inbound, headers: Headers, upload: "_Upload") -> aiohttp.ClientResponse:
        if self._session is None:
            raise RuntimeError("the proxy is not open")
        try:
            async with asyncio.timeout(route.deadline_seconds) as timer:
                upload.timer = timer
                return await self._session.request(
                    inbound.method,
                    URL(route.upstream + inbound.target, encoded=True),
                    headers=CIMultiDict((name.decode("ascii"), value.decode("utf-8")) for name, value in headers),
                    data=upload if upload.expected else None,
                    allow_redirects=False,
                )
        except (aiohttp.ClientError, OSError) as broken:  # TimeoutError is an OSError
            if upload.failure:
                raise upload.failure from None
            if isinstance(broken, TimeoutError):
                raise UpstreamTimeout("no answer within the route's deadline") from None
            raise UpstreamUnavailable(type(broken).__name__) from None
        finally:
            upload.timer = None


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


class _Upload:
    """The request body on its way up; while the client is awaited the upstream's deadline stands still."""

    def __init__(self, inbound: Inbound, chunks: AsyncIterator[bytes], *, deadline_seconds: float) -> None:
        self._chunks = chunks
        self._deadline_seconds = deadline_seconds
        length = inbound.header(b"content-length")
        self.expected = length not in (None, "0") or inbound.header(b"transfer-encoding") is not None
        self.timer: asyncio.Timeout | None = None
        self.failure: GatewayError | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._allow(None)
        try:
            async for chunk in self._chunks:
                self._allow(self._deadline_seconds)
                yield chunk
                self._allow(None)
        except GatewayError as failure:
            self.failure = failure
            raise
        finally:
            self._allow(self._deadline_seconds)

    def _allow(self, seconds: float | None) -> None:
        if self.timer and not self.timer.expired():
            self.timer.reschedule(None if seconds is None else asyncio.get_running_loop().time() + seconds)


class _Stream:
    """The answer's body as it comes; a class, because a generator that never started cannot give anything back."""

    def __init__(self, answer: aiohttp.ClientResponse, *, deadline_seconds: float, release: Callable[[], None]) -> None:
        self._answer, self._deadline_seconds, self._release = answer, deadline_seconds, release

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._answer.content.at_eof() and self._answer.content.exception() is None:  # nothing to wait for
            await self.aclose()
            raise StopAsyncIteration
        try:
            async with asyncio.timeout(self._deadline_seconds):
                chunk = await self._answer.content.readany()
        except TimeoutError:
            await self.aclose()
            raise UpstreamTimeout("the answer stood still") from None
        except (aiohttp.ClientError, OSError) as broken:
            await self.aclose()
            raise UpstreamUnavailable(type(broken).__name__) from None
        if not chunk:
            await self.aclose()
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        """Drop the connection unless the answer is complete (then it went back to the pool by itself)."""
        self._answer.close()
        self._release()


def _answer_headers(answer: aiohttp.ClientResponse) -> Headers:
    """What of the upstream's head is the client's: end-to-end headers outside the door's namespace."""
    if answer.status == 101:
        answer.close()
        raise UpstreamUnavailable("an upgrade nobody asked for")
    received = [(name.lower(), value) for name, value in answer.raw_headers]
    named = {token.strip().lower() for name, value in received if name == b"connection" for token in value.split(b",")}
    if any(name == b"transfer-encoding" for name, _ in received):
        named.add(b"content-length")  # RFC 9112 §6.3: the coding counts
    if any(_CONTROL.search(value) for _, value in received):
        answer.close()
        raise UpstreamUnavailable("control byte in a header")
    return tuple((name, value) for name, value in received if name not in named and not is_dropped(name, value))


def is_dropped(name: bytes, value: bytes) -> bool:
    """Is this header of an upstream's answer (lower case) hop-by-hop, or not an upstream's to set?"""
    if name == b"set-cookie":
        return value.lstrip(b" \t=").lower().startswith(_OUR_COOKIES)  # a nameless cookie is sent like the named one
    return name in HOP_BY_HOP or name in _OURS or name.startswith(_OURS_PREFIXES)
