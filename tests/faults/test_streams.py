"""What is long: streams end with their session, uploads pass without being held, and are bounded."""

import contextlib
import hashlib
import http.client
from collections.abc import Iterator

import pytest

from tests.faults.faults import events, pid, resident_bytes
from tests.faults.visitor import COOKIE, Browser, ask, csrf_of, eventually, host_of, key, origin, port_of

MEGABYTE = 1 << 20


@contextlib.contextmanager
def stream(city, credential: dict[str, str]) -> Iterator[http.client.HTTPResponse]:
    """An open answer of the portal that never ends by itself."""
    connection = http.client.HTTPConnection("127.0.0.1", port_of(city), timeout=30)
    with contextlib.closing(connection):
        headers = {"Host": host_of(city, "marriage"), **credential}
        connection.request("GET", "/events", headers=headers)
        answer = connection.getresponse()
        assert answer.status == 200
        assert answer.readline() == b"id: 1\n"
        yield answer


@pytest.mark.parametrize("ending", ["everywhere", "here"])
def test_a_stream_ends_with_its_session(city, ending) -> None:
    """fault: a session ends while its stream is open — the stream is broken off at once; others go on."""
    browser = Browser(city)
    browser.sign_in("wang")
    browser.sign_in("wang", host="console")
    cookie = {"Cookie": f"{COOKIE}={browser.cookie}"}
    with stream(city, cookie) as ends, stream(city, key(city, "wang")) as goes_on:
        if ending == "here":
            form, path, host = browser.ask("marriage", "GET", "/.citygate/logout"), "/.citygate/logout", "marriage"
        else:
            form, path, host = browser.ask("console", "GET", "/"), "/sessions/end-all", "console"
        sent = browser.ask(host, "POST", path, {"csrf": csrf_of(form.body)}, {"Origin": origin(city, host)})
        assert sent.status in (200, 303)
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            ends.read()
        for _ in range(6):
            assert goes_on.readline()
    assert browser.ask("marriage", "GET", "/whoami", headers={"Accept": "application/json"}).status == 401


def test_a_large_upload_streams_through_and_a_larger_one_is_refused(city, wang) -> None:
    """fault: 100 MB body — passes byte for byte with flat memory; more is 413, announced or not; the portal's limit holds."""
    number, piece = pid(city, "city"), hashlib.sha256(b"piece").digest() * (MEGABYTE // 32)
    before, most = resident_bytes(number), 0

    def pieces(count: int) -> Iterator[bytes]:
        nonlocal most
        for _ in range(count):
            yield piece
            most = max(most, resident_bytes(number))

    whole = hashlib.sha256()
    for _ in range(100):
        whole.update(piece)
    headers = {**key(city, "wang"), "Content-Type": "application/octet-stream", "Origin": origin(city, "marriage")}
    answer = ask(city, "marriage", "POST", "/echo", {**headers, "Content-Length": str(100 * MEGABYTE)}, pieces(100))
    assert answer.status == 200, answer.body
    assert answer.json() == {"bytes": 100 * MEGABYTE, "sha256": whole.hexdigest()}
    assert most - before < 40 * MEGABYTE
    announced = ask(city, "marriage", "POST", "/echo", {**headers, "Content-Length": str(100 * MEGABYTE + 1)}, b"")
    assert announced.status == 413
    with contextlib.suppress(ConnectionError):  # refused while it is sent
        assert ask(city, "marriage", "POST", "/echo", headers, _chunked(101)).status == 413
    small = ask(city, "marriage", "POST", "/applications", {**headers, "Content-Length": str(2 * MEGABYTE)}, b"")
    assert small.status == 413
    assert most - before < 40 * MEGABYTE
    eventually(lambda: sum(e.status == 413 and e.object == "/marriage/echo" for e in events(city)) >= 2)


def _chunked(megabytes: int) -> Iterator[bytes]:
    for _ in range(megabytes):
        yield bytes(MEGABYTE)
