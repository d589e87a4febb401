"""The smallest client that can misbehave: sends bytes as they are, reads until the other end is done."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta

from gateway.http.listeners import bind_tcp
from gateway.http.server import Application, Binding, serve
from gateway.http.target import TargetProtocol

SECONDS = 10  # no test waits longer for anything


async def exchange(port: int, *parts: bytes) -> bytes:
    """Send `parts`, each in its own segment, and return everything the server says until it closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def send() -> None:
        with contextlib.suppress(ConnectionError):
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0.01)

    received, sending = bytearray(), asyncio.create_task(send())
    try:
        async with asyncio.timeout(SECONDS):
            with contextlib.suppress(ConnectionError):
                while chunk := await reader.read(1 << 16):
                    received += chunk
    finally:
        sending.cancel()
        writer.transport.abort()
    return bytes(received)


def status(answer: bytes) -> int:
    """The status of the first answer in `answer`, 0 if there is none."""
    return int(answer[9:12]) if answer.startswith(b"HTTP/1.1 ") else 0


@contextlib.asynccontextmanager
async def serving(
    application: Application,
    *,
    protocol: type[TargetProtocol] = TargetProtocol,
    grace: timedelta = timedelta(seconds=1),
) -> AsyncIterator[int]:
    """Run the real server around one application on a free port."""
    bound = bind_tcp("127.0.0.1", 0)
    stop, ready = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(
        serve(
            [Binding(socket=bound, application=application)], stop=stop, grace=grace, ready=ready.set, protocol=protocol
        )
    )
    await asyncio.wait_for(ready.wait(), 30)
    try:
        yield bound.getsockname()[1]
    finally:
        stop.set()
        await task
