"""One request to canonicalize, with whatever a test changes about it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

from gateway.canonical import canonical
from gateway.stages import Inbound, Raw

NOW = datetime(2026, 1, 2, tzinfo=UTC)
HOST = (b"Host", b"marriage.localhost:8080")


async def _no_body() -> AsyncIterator[bytes]:
    return
    yield b""


def read_request(target: bytes = b"/", *headers: tuple[bytes, bytes], host: bool = True, **changes: object) -> Inbound:
    """Canonicalize one request on the public listener."""
    raw = Raw(
        method=b"GET", target=target, headers=((HOST,) if host else ()) + headers, peer="192.0.2.7", body=_no_body
    )
    return canonical(replace(raw, **changes), now=NOW, mint=lambda: "01J")  # type: ignore[arg-type]
