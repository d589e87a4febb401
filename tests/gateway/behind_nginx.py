"""nginx as it is shipped, running between a client, some gateways, a control process and a portal."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from city.nginx.data_plane import configure
from city.settings import Settings
from gateway.canonical import canonical
from gateway.errors import GatewayError
from gateway.http.listeners import bind_tcp, bind_unix
from gateway.http.server import Binding, asgi, serve
from gateway.stages import Inbound, Listener, Outbound, Raw
from tests.gateway.raw_socket import SECONDS, exchange
from tests.needs import need

SECRET = "s3cret-of-the-data-plane"
PORTAL, INLINE, CONSOLE = "portal.localhost", "inline.localhost", "console.localhost"
STRICT_NO_MORE = (b"strict-transport-security", b"max-age=0")
AT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Gateway:
    """One gateway process: its questions, and what it served inline."""

    name: str
    questions: list[tuple[bytes, Inbound]] = field(default_factory=list)
    inline: list[tuple[Inbound, bytes]] = field(default_factory=list)
    down: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    async def gate(self, raw: Raw) -> Outbound:
        """Answer like the door: its own paths are its own, /secret is refused, all else is let through."""
        try:
            inbound = canonical(raw, now=AT, mint=lambda: "01J")
        except GatewayError as refusal:
            return Outbound(status=403 if raw.target == b"/auth" else 400, body=refusal.code.encode())
        self.questions.append((raw.target, inbound))
        if inbound.path.startswith("/perish") and self.name == "gateway-1":
            raise ConnectionAbortedError
        if raw.target == b"/refusal":
            return await self._told(inbound, raw)
        if inbound.path.startswith("/.citygate/"):
            return Outbound(status=403, headers=((b"x-citygate-served-by", b"door"),))
        if inbound.path.startswith("/secret"):
            refusal_id = self.name.encode()
            return Outbound(status=401, headers=((b"x-citygate-refusal", refusal_id), (b"www-authenticate", b"Bearer")))
        return Outbound(
            status=204, headers=((b"x-citygate-assertion", b"e30.sig"), (b"x-citygate-cookie", b"theirs=1"))
        )

    async def _told(self, inbound: Inbound, raw: Raw) -> Outbound:
        """Only what was refused here is known here."""
        refusal = inbound.header(b"x-citygate-refusal") or ""
        if refusal not in (self.name, ""):
            return Outbound(status=400, body=b"no such refusal is kept")
        body = b"".join([chunk async for chunk in raw.body()])
        told = f"{inbound.method} {inbound.target} {refusal} ".encode() + body
        return Outbound(status=429, headers=((b"set-cookie", b"flow=1"), (b"location", b"/x")), body=told)

    async def door(self, raw: Raw) -> Outbound:
        inbound = canonical(raw, now=AT, mint=lambda: "01J")
        self.inline.append((inbound, b"".join([chunk async for chunk in raw.body()])))
        if "die" in inbound.path:
            raise ConnectionAbortedError  # it had the request, and nobody will ever have its answer
        return Outbound(status=200, headers=(STRICT_NO_MORE,), body=self.name.encode())

    def listen(self, folder: Path) -> None:
        """Open the two sockets in `folder` and answer on them until `kill`."""
        folder.mkdir(exist_ok=True)
        ways = {Listener.GATE: self.gate, Listener.PROXIED: self.door}
        bindings = [
            Binding(socket=bind_unix(folder / f"{listener}.sock"), application=_dying(how, listener))
            for listener, how in ways.items()
        ]
        self.task = asyncio.create_task(serve(bindings, stop=self.down))

    async def kill(self) -> None:
        """End it; its socket files stay, as those of a killed process do."""
        self.down.set()
        if self.task:
            await self.task


def _dying(how, listener):  # type: ignore[no-untyped-def]
    """The real application, which breaks the connection where `how` says that the process would have died."""
    application = asgi(how, listener=listener, secret=SECRET)

    async def dying(scope, receive, send):  # type: ignore[no-untyped-def]
        try:
            await application(scope, receive, send)
        except ConnectionAbortedError:
            scope["state"]["abort"]()

    return dying


@dataclass
class City:
    """What each room saw."""

    port: int
    gateways: list[Gateway]
    control: Gateway
    portal: list[Raw] = field(default_factory=list)

    @property
    def questions(self) -> list[tuple[bytes, Inbound]]:
        return [one for gateway in self.gateways for one in gateway.questions]

    @property
    def inline(self) -> list[tuple[Inbound, bytes]]:
        return [one for gateway in self.gateways for one in gateway.inline]

    async def serve_portal(self, raw: Raw) -> Outbound:
        self.portal.append(raw)
        body = b"".join([chunk async for chunk in raw.body()])
        return Outbound(
            status=500 if b"broken" in raw.target else 200,
            headers=((b"x-accel-redirect", b"/"), STRICT_NO_MORE),
            body=b"portal" + body,
        )

    async def ask(self, request: str, *headers: str, host: str = PORTAL, body: bytes = b"") -> bytes:
        lines = (f"{request} HTTP/1.1", f"Host: {host}:{self.port}", "Connection: close", *headers, "", "")
        return await exchange(self.port, "\r\n".join(lines).encode("latin-1") + body)


@contextlib.asynccontextmanager
async def running(folder: Path, *, gateways: int = 1, **settings: Any) -> AsyncIterator[City]:
    """nginx, so many gateways, a control process and a portal on this machine."""
    need("nginx")
    portal, stop = bind_tcp("127.0.0.1", 0), asyncio.Event()
    with bind_tcp("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    city = City(port, [Gateway(f"gateway-{n}") for n in range(1, gateways + 1)], Gateway("control"))
    run = folder / "run"
    run.mkdir()
    for one in (*city.gateways, city.control):
        one.listen(run / one.name)
    serving = asyncio.create_task(serve([Binding(socket=portal, application=asgi(city.serve_portal))], stop=stop))
    command = configure(
        Settings(data=folder, port=port, listen=False, data_plane_secret=SECRET, **settings),
        gateways=[run / one.name for one in city.gateways],
        control=run / city.control.name,
        forward_auth={"portal": portal.getsockname()[1]},
        inline=["inline"],
        console=["console"],
    )
    assert "${" not in (run / "nginx/nginx.conf").read_text()
    nginx = await asyncio.create_subprocess_exec(*command)
    try:
        async with asyncio.timeout(SECONDS):
            await _accepting(port)
        yield city
    finally:
        nginx.terminate()
        await asyncio.wait_for(nginx.wait(), 30)
        stop.set()
        await asyncio.gather(serving, *(one.kill() for one in (*city.gateways, city.control)))


async def _accepting(port: int) -> None:
    while True:
        with contextlib.suppress(ConnectionError), socket.create_connection(("127.0.0.1", port)):
            return
        await asyncio.sleep(0.02)
