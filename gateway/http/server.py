"""From the socket to Raw, and from Outbound to the socket: one loop, several listeners, everything bounded."""

import asyncio
import contextlib
import hmac
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import uvicorn

from gateway.errors import ClientGone, GatewayError, RequestTimeout
from gateway.http.target import TargetProtocol
from gateway.http.tunnel import Upgraded
from gateway.stages import Headers, Listener, Outbound, Raw

SECRET_HEADER = b"x-citygate-data-plane"
REQUESTS = 1000  # under way at once on one listener; more get 503 from the server
PIECE_BYTES = 64 * 1024
BODY_BYTES_PER_SECOND = 1024  # a slower sender runs out of time
LINGER_BYTES = 1 << 20  # of a body nobody wants, read so that the client sees the answer before the end
LINGER = timedelta(seconds=1)

_FRAMING = (b"content-length", b"transfer-encoding")
_BODILESS = (204, 304)  # the server itself sees to HEAD
_STRANGER = Outbound(status=403, headers=((b"content-type", b"text/plain"),), body=b"Forbidden\n")
log = logging.getLogger(__name__)
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Handle = Callable[[Raw], Awaitable[Outbound]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """A bound socket and the application that answers on it."""

    socket: socket.socket
    application: Any  # ASGI 3


class _ListenerServer(uvicorn.Server):
    """Signals are the process's, not each listener's; `listening` is set once connections are accepted."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


async def serve(
    bindings: Sequence[Binding],
    *,
    stop: asyncio.Event,
    grace: timedelta = timedelta(seconds=10),
    ready: Callable[[], None] = lambda: None,
    protocol: type[TargetProtocol] = TargetProtocol,
) -> None:
    """Answer on all `bindings` until `stop` is set, then let requests under way finish within `grace`.

    `ready` is called once every listener accepts. If one fails, all stop and its error is raised.
    """
    servers = [_ListenerServer(_config(binding, grace, protocol)) for binding in bindings]

    async def starting_and_stopping() -> None:
        for server in servers:
            await server.listening.wait()
        ready()
        await stop.wait()
        for server in servers:
            server.should_exit = True

    async with asyncio.TaskGroup() as group:
        group.create_task(starting_and_stopping())
        for server, binding in zip(servers, bindings, strict=True):
            group.create_task(server.serve(sockets=[binding.socket]))


def _config(binding: Binding, grace: timedelta, protocol: type[TargetProtocol]) -> uvicorn.Config:
    return uvicorn.Config(
        binding.application,
        http=protocol,
        ws="none",  # an upgrade is a request like any other, see target.py
        lifespan="off",
        interface="asgi3",
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        log_level="error",  # a flood of malformed requests is not a flood of lines
        limit_concurrency=REQUESTS,
        timeout_graceful_shutdown=max(1, round(grace.total_seconds())),
    )


def asgi(
    handle: Handle,
    *,
    listener: Listener = Listener.PUBLIC,
    secret: str = "",
    scheme: str = "http",
    patience: timedelta = timedelta(seconds=30),
) -> Application:
    """The ASGI application that answers every request on one listener with `handle`.

    On PROXIED and GATE each request must carry `secret` in `X-Citygate-Data-Plane`; `handle` never sees that header.
    `patience` bounds each wait for the client, in both directions. When the client goes away, `handle` is cancelled or
    the body of its answer closed. Raises ValueError for such a listener without a secret.
    """
    if listener is not Listener.PUBLIC and not secret:
        raise ValueError(f"listener `{listener}` without a secret")
    seconds, key = patience.total_seconds(), secret.encode()

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        exchange = _Exchange(scope=scope, receive=receive, send=send, patience=seconds)
        headers, shown = _apart(scope["headers"])
        if listener is not Listener.PUBLIC and not (len(shown) == 1 and hmac.compare_digest(shown[0], key)):
            await exchange.answer(_STRANGER)
            return
        raw = Raw(
            method=scope["method"].encode("latin-1"),
            target=scope["state"]["target"],
            headers=headers,
            peer=scope["client"][0] if scope["client"] else "",
            body=exchange.body,
            listener=listener,
            scheme=scheme,
            websocket=scope["state"]["websocket"],
        )
        await exchange.run(handle, raw)

    return application


def _apart(received: Sequence[tuple[bytes, bytes]]) -> tuple[Headers, list[bytes]]:
    """The headers that are the client's, and the secrets it showed."""
    headers, shown = list[tuple[bytes, bytes]](), list[bytes]()
    for pair in received:
        if pair[0] == SECRET_HEADER:
            shown.append(pair[1])
        else:
            headers.append(pair)
    return tuple(headers), shown


class _Exchange:
    """One request and its answer on the wire."""

    def __init__(self, *, scope: Scope, receive: Receive, send: Send, patience: float) -> None:
        self._scope, self._receive, self._send, self._patience = scope, receive, send, patience
        framing = [pair for pair in scope["headers"] if pair[0] in _FRAMING]
        self._unread = framing not in ([], [(b"content-length", b"0")])
        self._task: asyncio.Task[Any] | None = None

    async def run(self, handle: Handle, raw: Raw) -> None:
        """Ask `handle`, send what it says; a client that went away ends both."""
        self._task = asyncio.current_task()
        if not self._unread:
            self._watch()
        try:
            outbound = await handle(raw)
            if outbound.again is not None:
                outbound = await handle(outbound.again)
            await self.answer(outbound)
        except ClientGone:
            self._scope["state"]["abort"]()
        except asyncio.CancelledError:
            if not self._scope["state"]["is_gone"]():  # neither the client left nor was its answer broken off
                raise
        finally:
            self._stop_watching()

    async def body(self) -> AsyncIterator[bytes]:
        """The body's chunks, once. Raises RequestTimeout when they come too slowly, ClientGone when they end early."""
        loop, started, received_bytes = asyncio.get_running_loop(), asyncio.get_running_loop().time(), 0
        while self._unread:
            by = min(loop.time(), started + received_bytes / BODY_BYTES_PER_SECOND) + self._patience
            try:
                async with asyncio.timeout_at(by):
                    message = await self._receive()
            except TimeoutError:
                raise RequestTimeout("the body stopped or came too slowly") from None
            if message["type"] == "http.disconnect":
                raise ClientGone("the body ended early")
            self._unread = message["more_body"]
            if not self._unread:
                self._watch()
            if message["body"]:
                received_bytes += len(message["body"])
                yield message["body"]

    async def answer(self, outbound: Outbound) -> None:
        """Send `outbound`; what cannot be completed is broken off visibly, never ended as if it were whole."""
        whole = False
        try:
            await self._answer(outbound)
            whole = True
        except (GatewayError, TimeoutError) as broken:
            log.info("answer broken off: %s", getattr(broken, "code", "slow-reader"))
        finally:
            if not whole:
                self._scope["state"]["abort"]()
            if close := getattr(outbound.body, "aclose", None):
                await close()

    async def _answer(self, outbound: Outbound) -> None:
        if isinstance(outbound, Upgraded):
            self._stop_watching()  # the server no longer knows this connection
            outbound.relay.tunnel = self._scope["state"]["tunnel"]
            async for _ in _pieces(outbound.body):
                pass
            return
        headers, last = _answer_headers(outbound), outbound.body
        if self._unread:
            headers = (*headers, (b"connection", b"close"))
        await self._write({"type": "http.response.start", "status": outbound.status, "headers": headers})
        if not isinstance(last, bytes) or len(last) > PIECE_BYTES or self._unread:
            async for piece in _pieces(last):
                if piece and outbound.status not in _BODILESS:
                    await self._write({"type": "http.response.body", "body": piece, "more_body": True})
            last = b""
        if self._unread:
            await self._linger()
        self._stop_watching()  # a complete answer looks like a client that left
        last = last if outbound.status not in _BODILESS else b""
        await self._write({"type": "http.response.body", "body": last, "more_body": False})

    def _watch(self) -> None:
        """From here on a client that leaves ends the task; before, whoever reads the body learns it."""
        if self._task is None:
            raise RuntimeError("outside a task")
        if self._scope["state"]["is_gone"]():
            self._task.cancel()
        self._scope["state"]["gone"] = self._task.cancel

    def _stop_watching(self) -> None:
        self._scope["state"].pop("gone", None)

    async def _write(self, message: dict[str, Any]) -> None:
        if self._scope["state"]["is_gone"]():  # the server would take it and throw it away, however long it goes on
            raise ClientGone("nobody reads the answer")
        if not self._scope["state"]["is_full"]():  # so it does not wait, and needs no timer
            await self._send(message)
            return
        async with asyncio.timeout(self._patience):
            await self._send(message)

    async def _linger(self) -> None:
        """Closing with input unread resets the connection, and the answer may be lost with it (RFC 9112 §9.6)."""
        read_bytes = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER.total_seconds()):
                while self._unread and read_bytes < LINGER_BYTES:
                    message = await self._receive()
                    self._unread = message.get("more_body", False)
                    read_bytes += len(message.get("body", b""))


def _answer_headers(outbound: Outbound) -> Headers:
    if outbound.status in _BODILESS:
        return tuple(pair for pair in outbound.headers if pair[0].lower() != b"content-length")
    if isinstance(outbound.body, bytes) and not any(name.lower() == b"content-length" for name, _ in outbound.headers):
        return (*outbound.headers, (b"content-length", str(len(outbound.body)).encode()))
    return outbound.headers


def _pieces(body: bytes | AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    return _cut(body) if isinstance(body, bytes) else body


async def _cut(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), PIECE_BYTES):
        yield body[start : start + PIECE_BYTES]
