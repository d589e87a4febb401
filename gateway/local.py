"""Delivery into this process: the Flask application, which answers only what stands recorded."""

import asyncio
import contextlib
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote

from a2wsgi import WSGIMiddleware
from flask import Flask, request

from gateway.errors import NotThroughTheDoor
from gateway.http.body import read_body
from gateway.stages import Inbound, Outbound, Raw, Recorded

if TYPE_CHECKING:
    from a2wsgi.asgi_typing import HTTPScope, ReceiveEvent, SendEvent

_KEY = "citygate.exchange"


@dataclass(slots=True)
class Exchange:
    """What a view may know of the request it serves, and what it hands back beside its response."""

    recorded: Recorded
    again: Raw | None = None  # a parked request to send again, as its requester asked


def exchange() -> Exchange:
    """The exchange of the current Flask request. Raises NotThroughTheDoor."""
    scope = request.environ.get("asgi.scope") or {}
    found = scope.get(_KEY)
    if not isinstance(found, Exchange):
        raise NotThroughTheDoor
    return found


def guard(application: Flask) -> None:
    """Make `application` refuse every call that `handle` did not record, whatever the view."""

    @application.before_request
    def refuse_what_was_not_recorded() -> None:
        exchange()


class Local:
    """Calls the application in a thread, with the whole body read before within the route's bounds."""

    def __init__(self, application: Flask, *, workers: int = 8) -> None:
        self._application = WSGIMiddleware(cast("Any", application), workers=workers)

    async def __call__(self, recorded: Recorded) -> Outbound:
        """Deliver. Raises BodyTooLarge, RequestTimeout."""
        route, inbound = recorded.matched.route, recorded.inbound
        body = await read_body(inbound, limit_bytes=route.body_bytes, deadline_seconds=route.deadline_seconds)
        talk = Exchange(recorded)
        answer = _Answer(body)
        await _to_its_end(self._application(_scope(inbound, talk, len(body)), answer.receive, answer.send))
        return Outbound(
            status=answer.status,
            headers=tuple(answer.headers),
            body=b"".join(answer.chunks),
            again=talk.again,
        )


async def _to_its_end(call: Coroutine[Any, Any, None]) -> None:
    """A view cannot be broken off, so it is awaited also when its client goes away: what it did is recorded."""
    running = asyncio.ensure_future(call)
    while not running.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait({running})
    running.result()


class _Answer:
    """One request body in, one response out, in ASGI's words."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.status, self.headers, self.chunks = 500, list[tuple[bytes, bytes]](), list[bytes]()

    async def receive(self) -> "ReceiveEvent":
        body, self._body = self._body, b""
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: "SendEvent") -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message["headers"])
        elif message["type"] == "http.response.body":
            self.chunks.append(message.get("body", b""))


def _scope(inbound: Inbound, talk: Exchange, body_bytes: int) -> "HTTPScope":
    # framing is ours now: a chunked body would reach WSGI empty, without a word
    kept = tuple(pair for pair in inbound.headers if pair[0] not in (b"content-length", b"transfer-encoding"))
    scheme, _, authority = inbound.origin.partition("://")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": inbound.method,
        "scheme": scheme,
        "path": unquote(inbound.path),
        "raw_path": inbound.path.encode(),
        "query_string": inbound.query.encode(),
        "root_path": "",
        "headers": (*kept, (b"content-length", str(body_bytes).encode())),
        "server": (authority.partition(":")[0], int(authority.partition(":")[2] or 80)),
        "client": (inbound.address, 0),
        _KEY: talk,
    }
    return cast("HTTPScope", scope)
