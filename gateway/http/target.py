"""The untouched request target out of the server, and its missing bounds: a head's size and time, pipelines, networks.

What uvicorn does for every request and nobody here needs (access log, a timer each) is left out.

uvicorn drops `#…`, a lone `?` and the authority of an absolute-form target before the application sees them; here they
reach `scope["state"]["target"]` as received. Beside it stand `websocket` (an upgrade to it was asked for), `is_gone`
(the client is), `is_full` (writing would wait for the client), `abort` (drop the connection now) and `tunnel` (see
`Tunnel`); what the application puts there as `gone` is called when no answer is possible any more.
"""

import asyncio
from asyncio import TimerHandle
from collections.abc import Awaitable, Callable
from itertools import chain
from typing import Any

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.flow_control import service_unavailable
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from audit.flood import prefix_of
from gateway.http.answer_writer import AnswerWriter

PIPELINED = 8  # requests that may wait behind the one being answered
NETWORK_CONNECTIONS = 500  # open at once from one network prefix: half of what a listener has room for
TUNNEL_BYTES = 1 << 16

Tunnel = Callable[[bytes], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]
"""Send these bytes (an answer's head, 101) and hand over the connection as it is; the server forgets it."""


class TargetProtocol(HttpToolsProtocol):
    """HTTP/1.1 only, one bounded head at a time; every violation ends the connection."""

    head_bytes = 64 * 1024
    unreadable: Callable[[str], None] = staticmethod(lambda _peer: None)  # told of each request refused here
    network_connections = NETWORK_CONNECTIONS
    head_seconds = 10.0  # from the end of the request before, so an idle connection lives no longer either

    _network = ""  # where the client is; "" behind a socket file, where there is one client
    _head_by: float | None = None
    _timer: TimerHandle | None = None
    _serving: RequestResponseCycle | None = None
    _in_head = False
    _received_bytes = 0  # since the last that made sense: of a head, or of a body's framing
    _upgraded = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock for the first head; no network holds all the room there is."""
        super().connection_made(transport)
        self._network = prefix_of(self.client[0]) if self.client else ""
        held = sum(getattr(one, "_network", "") == self._network for one in self.connections)
        if self._network and held > self.network_connections:
            self.transport.abort()
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the request being answered, not only the last one parsed."""
        self._set_timer(None)
        self._give_up()
        self.pipeline.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse, and count what is neither a whole head nor body: heads, chunk sizes, trailers."""
        if self._upgraded:  # spoken before the answer, so nobody agreed on what it means
            self.transport.abort()
            return
        self._received_bytes += len(data)
        super().data_received(data)
        if self._received_bytes > self.head_bytes and not self.transport.is_closing():
            self.send_400_response("Request head too large.")

    def on_message_begin(self) -> None:
        """Nothing is known yet."""
        self._in_head, self.url, self.headers, self.expect_100_continue = True, b"", [], False

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field after the body would have two readings: as a trailer and, in one buffer, as a header (law 1)."""
        if not self._in_head:
            raise httptools.HttpParserError("trailer")
        name = name.lower()
        if name == b"expect":
            self.expect_100_continue = value.lower() == b"100-continue"
        self.headers.append((name, value))

    def on_body(self, body: bytes) -> None:
        """What was counted was a body's."""
        self._received_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is whole; what follows is counted anew."""
        self._received_bytes = 0
        super().on_message_complete()

    def on_headers_complete(self) -> None:
        """Refuse what is too large, too many or not HTTP/1.1, else let the server start its cycle."""
        self._in_head, self._received_bytes = False, 0
        self._stop_clock()
        head_bytes = len(self.url) + sum(map(len, chain.from_iterable(self.headers))) + 4 * len(self.headers)
        if head_bytes > self.head_bytes or len(self.pipeline) >= PIPELINED or self.parser.get_http_version() != "1.1":
            raise httptools.HttpParserError("refused")
        self._upgraded = self.parser.should_upgrade()  # what follows the head is no longer HTTP, whatever the answer is
        url = httptools.parse_url(self.url)
        self.scope = {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": "1.1",
            "method": self.parser.get_method().decode("ascii"),
            "scheme": "http",
            "path": url.path.decode("ascii"),
            "raw_path": url.path,
            "query_string": url.query or b"",
            "root_path": "",
            "headers": self.headers,
            "client": self.client,
            "server": self.server,
            "state": self._state(),
        }
        self._begin_cycle()

    def _state(self) -> dict[str, Any]:
        return {
            "target": self.url,
            "websocket": self._upgraded and self._get_upgrade() == b"websocket",
            "is_gone": self.transport.is_closing,
            "is_full": self._is_full,
            "abort": self.transport.abort,
            "tunnel": self._tunnel,
        }

    def _begin_cycle(self) -> None:
        before = self.cycle
        self.cycle = AnswerWriter(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=not self._upgraded and self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        most = self.limit_concurrency or 0
        crowded = len(self.connections) >= most or len(self.tasks) >= most
        app: ASGI3Application = service_unavailable if crowded else self.app
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, app))

    def on_response_complete(self) -> None:
        """Let the next request begin, or start the clock for its head."""
        if self.transport.is_closing():
            self._watch_flush()
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self._await_head()

    def send_400_response(self, msg: str) -> None:
        """Answer, unless that would land inside the answer to an earlier request."""
        self._stop_clock()
        self.unreadable(self.client[0] if self.client else "")
        if (self._serving and self._serving.response_started and not self._serving.response_complete) or self.pipeline:
            self.transport.abort()
            return
        self._give_up()
        super().send_400_response(msg)
        self._watch_flush()

    def _should_upgrade(self) -> bool:
        return False  # an upgrade is a request like any other until its answer is 101

    def _unsupported_upgrade_warning(self) -> None:
        pass

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._serving = cycle
        super()._start_asgi_task(cycle, app)

    def _give_up(self) -> None:
        """No answer to the request under way is possible any more; whoever waits for its body learns it."""
        if self._serving and not self._serving.response_complete:
            self._serving.disconnected = True
            self._serving.message_event.set()
            if gone := self._serving.scope["state"].get("gone"):
                gone()

    def _is_full(self) -> bool:
        return self.flow.write_paused

    def _await_head(self) -> None:
        """One timer looks after all heads of a connection: when it rings, it finds out whether one is overdue."""
        self._head_by = self.loop.time() + self.head_seconds
        if self._timer is None:
            self._set_timer(self._look_for_head, self.head_seconds)

    def _look_for_head(self) -> None:
        self._timer = None
        if self._head_by is None:
            return
        if (left_seconds := self._head_by - self.loop.time()) > 0:
            self._set_timer(self._look_for_head, left_seconds)
            return
        self.transport.close()
        self._watch_flush()

    def _stop_clock(self) -> None:
        self._head_by = None

    def _set_timer(self, call: Callable[..., None] | None, seconds: float = 0, *told: int) -> None:
        """Instead of the one that runs."""
        if self._timer:
            self._timer.cancel()
        self._timer = self.loop.call_later(seconds, call, *told) if call else None

    def _watch_flush(self, before_bytes: int | None = None) -> None:
        """A closing connection may take its time to read what is left, but not stand still."""
        left_bytes = self.transport.get_write_buffer_size()
        if left_bytes == 0:
            return
        if before_bytes is not None and left_bytes >= before_bytes:
            self.transport.abort()
            return
        self._set_timer(self._watch_flush, self.head_seconds, left_bytes)

    async def _tunnel(self, head: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """See `Tunnel`."""
        reader = asyncio.StreamReader(limit=TUNNEL_BYTES, loop=self.loop)
        protocol: Any = asyncio.StreamReaderProtocol(reader, loop=self.loop)
        self._set_timer(None)
        self.connections.discard(self)
        self.cycle.response_started = self.cycle.response_complete = True
        self.transport.set_protocol(protocol)
        protocol.connection_made(self.transport)
        self.transport.write(head)
        return reader, asyncio.StreamWriter(self.transport, protocol, reader, self.loop)


def telling(unreadable: Callable[[str], None]) -> type[TargetProtocol]:
    """The protocol that tells `unreadable` the address of whoever sent what is no request."""
    return type("TellingProtocol", (TargetProtocol,), {"unreadable": staticmethod(unreadable)})
