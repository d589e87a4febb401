"""The shipped data plane with a certificate: browsers come by TLS, and what comes without is sent there or nowhere."""

import asyncio
import contextlib
import ssl
import sys
import warnings
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from city.nginx.data_plane import configure
from city.settings import Settings, SettingsInvalid
from gateway.authenticate import _check_same_origin
from gateway.errors import CsrfRefused
from gateway.http.listeners import bind_tcp
from tests.gateway.behind_nginx import CONSOLE, INLINE, PORTAL, City, running
from tests.gateway.certificates import certificate
from tests.gateway.raw_socket import SECONDS, exchange, status

ROOT = Path(__file__).parents[2]
STRICT = b"strict-transport-security: max-age=31536000\r\n"


class Visitor:
    """Comes by TLS, and trusts the city's certificate alone."""

    def __init__(self, city: City, *, plain: int, trusted: Path) -> None:
        self.city, self.plain = city, plain
        self.tls = ssl.create_default_context(cafile=trusted)

    async def ask(self, request: str, *headers: str, host: str, named: str = "", body: bytes = b"") -> bytes:
        """One request to `host` over a connection whose handshake names `named`, as a rule the same."""
        lines = (f"{request} HTTP/1.1", f"Host: {host}:{self.city.port}", "Connection: close", *headers, "", "")
        async with asyncio.timeout(SECONDS):
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", self.city.port, ssl=self.tls, server_hostname=named or host
            )
            writer.write("\r\n".join(lines).encode() + body)
            with contextlib.suppress(ConnectionError):
                answer = await reader.read(-1)
            writer.transport.abort()
        return answer

    async def shake(self, **bounds: object) -> str:
        """The protocol that was agreed on with a client that can do nothing else. Raises ssl.SSLError, OSError."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_ciphers(str(bounds.get("ciphers", "ALL:@SECLEVEL=0")))
        if version := bounds.get("version"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                context.minimum_version = context.maximum_version = version  # type: ignore[assignment]
        name = bounds.get("name", CONSOLE)
        async with asyncio.timeout(SECONDS):
            _, writer = await asyncio.open_connection(
                "127.0.0.1", self.city.port, ssl=context, server_hostname=str(name)
            )
            agreed: str = writer.get_extra_info("ssl_object").version()
            writer.transport.abort()
        return agreed


@pytest.fixture
async def visitor(tmp_path: Path) -> AsyncIterator[Visitor]:
    with bind_tcp("127.0.0.1", 0) as free:
        plain = free.getsockname()[1]
    made, key = certificate(tmp_path, PORTAL, INLINE, CONSOLE)
    async with running(
        tmp_path, gateways=2, scheme="https", redirect_port=plain, tls_certificate=made, tls_key=key
    ) as city:
        yield Visitor(city, plain=plain, trusted=made)


def reached(city: City) -> int:
    """How much got past nginx."""
    return len(city.questions) + len(city.inline) + len(city.control.inline) + len(city.portal)


async def test_the_door_sees_the_origin_that_browsers_show(visitor: Visitor) -> None:
    city = visitor.city
    for host in (PORTAL, INLINE, CONSOLE):
        assert status(await visitor.ask("GET /a?b", host=host)) == 200
    asked = [city.questions[0][1], city.inline[0][0], city.control.inline[0][0]]
    assert [one.origin for one in asked] == [f"https://{host}:{city.port}" for host in (PORTAL, INLINE, CONSOLE)]
    assert dict(city.portal[0].headers)[b"x-forwarded-proto"] == b"https"


async def test_a_form_counts_only_from_a_page_that_came_by_tls(visitor: Visitor) -> None:
    for scheme in ("https", "http"):
        origin = f"Origin: {scheme}://{CONSOLE}:{visitor.city.port}"
        await visitor.ask("POST /form", origin, "Content-Length: 0", host=CONSOLE)
    by_tls, by_plain = (inbound for inbound, _ in visitor.city.control.inline)
    _check_same_origin(by_tls)
    with pytest.raises(CsrfRefused):
        _check_same_origin(by_plain)


@pytest.mark.parametrize("said", ["http", "https, http", "gopher"])
async def test_a_client_cannot_say_by_what_it_came(visitor: Visitor, said: str) -> None:
    for host in (PORTAL, INLINE):
        assert status(await visitor.ask("GET /", f"X-Forwarded-Proto: {said}", host=host)) == 200
        await visitor.ask("GET /", f"X-Original-Scheme: {said}", host=host)
    seen = [inbound for _, inbound in visitor.city.questions] + [inbound for inbound, _ in visitor.city.inline]
    assert {inbound.origin.partition(":")[0] for inbound in seen} == {"https"}


async def test_every_answer_binds_browsers_to_tls_whatever_a_portal_says(visitor: Visitor) -> None:
    asked = [
        ("GET /", PORTAL, 200),
        ("GET /broken", PORTAL, 500),
        ("GET /secret", PORTAL, 429),
        ("GET /.citygate/x", PORTAL, 200),
        ("GET /", INLINE, 200),
        ("GET /", CONSOLE, 200),
        ("GET /%zz", CONSOLE, 400),
    ]
    for request, host, expected in asked:
        answer = (await visitor.ask(request, host=host)).lower()
        assert (status(answer.replace(b"http/", b"HTTP/", 1)), answer.count(b"strict-transport")) == (expected, 1), (
            answer
        )
        assert STRICT in answer
    for one in visitor.city.gateways:
        await one.kill()
    assert STRICT in (await visitor.ask("GET /", host=PORTAL)).lower()


async def test_without_tls_a_read_is_sent_on_and_a_write_is_refused(visitor: Visitor) -> None:
    city = visitor.city
    for target in ("/", "/a/%E4%B8%AD%20x?next=%2F..&q=1", "//evil.example/x", "/.citygate/login"):
        answer = await exchange(
            visitor.plain, f"GET {target} HTTP/1.1\r\nHost: {INLINE}\r\nConnection: close\r\n\r\n".encode()
        )
        assert status(answer) == 301
        assert f"\r\nLocation: https://{INLINE}:{city.port}{target}\r\n".encode() in answer
        assert b"strict-transport" not in answer.lower()  # RFC 6797 §7.2
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        write = f"{method} / HTTP/1.1\r\nHost: {PORTAL}\r\nContent-Length: 4\r\nConnection: close\r\n\r\nform"
        assert status(await exchange(visitor.plain, write.encode())) == 403
    assert reached(city) == 0


async def test_without_tls_nobody_is_sent_to_a_host_that_is_not_ours(visitor: Visitor) -> None:
    for request in (
        "GET / HTTP/1.1\r\nHost: evil.example",
        "GET / HTTP/1.0\r\nX: y",
        "GET http://evil.example/ HTTP/1.1\r\nHost: " + INLINE,
    ):
        answer = await exchange(visitor.plain, f"{request}\r\nConnection: close\r\n\r\n".encode())
        assert status(answer) == 421
        assert b"evil" not in answer
    assert reached(visitor.city) == 0


async def test_plain_http_on_the_port_of_tls_reaches_nobody(visitor: Visitor) -> None:
    assert status(await visitor.city.ask("GET /", host=CONSOLE)) == 400
    assert reached(visitor.city) == 0


CLOCK = """
import asyncio, sys
from gateway.clock_job import over_http

async def main(origin):
    async with over_http(origin, key="cg_x") as ask:
        print(await ask("/api/v1/jobs/sweep"))

asyncio.run(main(sys.argv[1]))
"""


async def test_the_clock_asks_by_tls_and_only_a_door_that_proves_its_name(visitor: Visitor, tmp_path: Path) -> None:
    origin, city = f"https://{CONSOLE}:{visitor.city.port}", visitor.city

    async def ask(**environment: str) -> tuple[bytes, bytes]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", CLOCK, origin, cwd=ROOT, env=environment, stdout=PIPE, stderr=PIPE
        )
        return await asyncio.wait_for(process.communicate(), 60)

    said, failure = await ask()
    assert (said, reached(city)) == (b"", 0)
    assert b"ConnectionError: SSLCertVerificationError" in failure
    assert (await ask(SSL_CERT_FILE=str(tmp_path / "city.pem")))[0] == b"200\n"
    [(asked, _)] = city.control.inline
    assert (asked.method, asked.origin, asked.header(b"authorization")) == ("POST", origin, "Bearer cg_x")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_tls_of_today_is_spoken(visitor: Visitor, version: ssl.TLSVersion) -> None:
    assert await visitor.shake(version=version) == version.name.replace("_", ".")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
async def test_old_tls_is_refused(visitor: Visitor, version: ssl.TLSVersion) -> None:
    with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
        await visitor.shake(version=version)


@pytest.mark.parametrize("ciphers", ["AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA256", "ECDHE-RSA-AES256-SHA"])
async def test_ciphers_without_forward_secrecy_or_authentication_are_refused(visitor: Visitor, ciphers: str) -> None:
    with pytest.raises(ssl.SSLError, match="HANDSHAKE_FAILURE"):
        await visitor.shake(version=ssl.TLSVersion.TLSv1_2, ciphers=f"{ciphers}:@SECLEVEL=0")


async def test_whoever_names_no_host_of_ours_is_shown_no_certificate(visitor: Visitor) -> None:
    for name in ("evil.example", "127.0.0.1"):  # an address is not named in a handshake at all
        with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
            await visitor.shake(name=name)
    assert status(await visitor.ask("GET /", host="evil.example", named=CONSOLE)) == 421
    assert reached(visitor.city) == 0


def test_https_without_a_certificate_is_not_begun(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    settings = Settings(data=tmp_path, scheme="https")
    with pytest.raises(SettingsInvalid, match="CITYGATE_TLS_CERTIFICATE"):
        configure(settings, gateways=[tmp_path], control=tmp_path, forward_auth={}, inline=[], console=["console"])
