"""Several listeners in one loop, the secrets of the inner ones, and how they stop."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.http.listeners import bind_tcp, bind_unix
from gateway.http.server import Binding, asgi, serve
from gateway.stages import Listener, Outbound, Raw
from tests.gateway.raw_socket import SECONDS, exchange, serving, status

GET = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
SECRET = "the data plane's"


async def echo(raw: Raw) -> Outbound:
    return Outbound(status=200, body=raw.target)


@pytest.mark.parametrize("listener", [Listener.PROXIED, Listener.GATE])
@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (b"", 403),
        (b"X-Citygate-Data-Plane: wrong\r\n", 403),
        (b"X-Citygate-Data-Plane:\r\n", 403),
        (b"X-Citygate-Data-Plane: the data plane's\r\nX-Citygate-Data-Plane: the data plane's\r\n", 403),
        (b"X_Citygate_Data_Plane: the data plane's\r\n", 403),
        (b"x-citygate-data-plane: the data plane's\r\n", 200),
    ],
)
async def test_the_inner_listeners_answer_only_to_their_secret(
    listener: Listener, headers: bytes, expected: int
) -> None:
    seen = []

    async def handle(raw: Raw) -> Outbound:
        seen.append(raw)
        return Outbound(status=200)

    async with serving(asgi(handle, listener=listener, secret=SECRET)) as port:
        assert status(await exchange(port, GET.replace(b"\r\n\r\n", b"\r\n" + headers + b"\r\n"))) == expected
    assert [raw.listener for raw in seen] == [listener] * (expected == 200)
    assert not [name for raw in seen for name, _ in raw.headers if name == b"x-citygate-data-plane"]


@pytest.mark.parametrize("listener", [Listener.PROXIED, Listener.GATE])
def test_an_inner_listener_without_a_secret_does_not_start(listener: Listener) -> None:
    with pytest.raises(ValueError, match="without a secret"):
        asgi(echo, listener=listener)


def test_a_port_that_is_taken_is_said_at_once() -> None:
    with bind_tcp("127.0.0.1", 0) as taken:
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            bind_tcp("127.0.0.1", taken.getsockname()[1])


async def test_several_listeners_share_one_loop_and_stop_together(tmp_path: Path) -> None:
    path = tmp_path / "gate.sock"
    path.touch()  # left by an earlier process
    sockets = [bind_tcp("127.0.0.1", 0), bind_tcp("127.0.0.1", 0), bind_unix(path)]
    loops = []

    async def handle(raw: Raw) -> Outbound:
        loops.append(asyncio.get_running_loop())
        return Outbound(status=200, body=raw.peer.encode())

    stop, ready = asyncio.Event(), asyncio.Event()
    applications = (asgi(handle), asgi(handle), asgi(handle))
    bindings = [Binding(socket=s, application=a) for s, a in zip(sockets, applications, strict=True)]
    ports = [bound.getsockname()[1] for bound in sockets[:2]]
    task = asyncio.create_task(serve(bindings, stop=stop, ready=ready.set, grace=timedelta(seconds=1)))
    async with asyncio.timeout(SECONDS):
        await ready.wait()
        for port in ports:
            assert (await exchange(port, GET)).endswith(b"127.0.0.1")
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(GET)
        assert (await reader.read()).endswith(b"\r\n\r\n")
        writer.close()
        assert path.stat().st_mode & 0o777 == 0o660
        stop.set()
        await task
    assert set(loops) == {asyncio.get_running_loop()}
    with pytest.raises(ConnectionError):
        await asyncio.open_connection("127.0.0.1", ports[0])


async def test_a_stop_lets_a_request_finish_and_cuts_one_that_does_not() -> None:
    started, go_on = asyncio.Semaphore(0), asyncio.Event()

    async def handle(raw: Raw) -> Outbound:
        started.release()
        await asyncio.wait_for(go_on.wait() if raw.target == b"/" else asyncio.sleep(60), 90)
        return Outbound(status=200)

    async with asyncio.timeout(SECONDS):
        async with serving(asgi(handle)) as port:
            answers = [
                asyncio.create_task(exchange(port, GET)),
                asyncio.create_task(exchange(port, GET.replace(b"/ ", b"/stuck "))),
            ]
            await started.acquire()
            await started.acquire()
            asyncio.get_running_loop().call_later(0.3, go_on.set)
        assert status(await answers[0]) == 200
