"""An app that signs, and a door that knows it: the register, the memory of nonces and the clock, as a test changes them."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.signed_request import SignedRequests
from gateway.stages import Inbound
from idp.app_key import AppHolder, Claim, SignedParts, content_digest, signature_of
from idp.errors import CredentialRejected
from tests.gateway.canonical_request import read_request
from tests.idp.app_header import authorization_of

KEY, SECRET, HOST = "01JB3F6Z7Q8R9S0T1V2W3X4Y5Z", b"cg_app_secret", "marriage.localhost"
KIND = "application/json"
NOW = datetime(2026, 1, 2, tzinfo=UTC)


@dataclass
class Apps:
    """The register of apps, as a test changes it; `asked` counts look-ups."""

    ended: bool = False
    created_at: datetime = NOW - timedelta(days=1)
    asked: int = 0
    held: Callable[[], None] = lambda: None

    def find(self, key: str) -> AppHolder:
        self.asked += 1
        told = self.ended
        self.held()
        if told or key != KEY:
            raise CredentialRejected
        return AppHolder(
            subject=f"app:{KEY}",
            name="核验",
            secret=SECRET,
            created_at=self.created_at,
            expires_at=NOW + timedelta(days=999),
        )


class Memory:
    """Nonces in this process, for what is not about where they are kept."""

    def __init__(self) -> None:
        self.spent: dict[str, int] = {}
        self.held: Callable[[], None] = lambda: None

    def claim(self, key: str, *, seconds: int, since: float) -> bool:
        self.held()
        return self.spent.setdefault(key, seconds) is seconds if key not in self.spent else False


class Clock:
    now = NOW

    def __call__(self) -> datetime:
        return self.now


def a_door(apps: Any = None, spent: Any = None, clock: Any = None, **more: Any) -> SignedRequests:
    return SignedRequests(apps or Apps(), spent or Memory(), clock or Clock(), **more)


def request(
    target: str = "/open/1?a=b", *, method: str = "GET", body: bytes = b"", nonce: str = "", at: int = 0,
    headers: tuple[tuple[bytes, bytes], ...] = (), **changes: Any,
) -> tuple[Inbound, str]:  # fmt: skip
    """A request as an app sends it; changes are made after it was signed."""
    claim = Claim(key=KEY, time=at or int(NOW.timestamp()), nonce=nonce or secrets.token_urlsafe(18), signature="")
    digest = content_digest(hashlib.sha256(body).digest())
    said = SignedParts(method=method, host=HOST, target=target, content_type=KIND if body else "", digest=digest)
    authorization = authorization_of(replace(claim, signature=signature_of(SECRET, claim, said)))
    if body:
        told = {b"content-digest": digest, b"content-length": str(len(body)), b"content-type": KIND}
        headers = (*((name, value.encode()) for name, value in told.items()), *headers)
    headers = (*headers, (b"authorization", authorization.encode()))
    raw = {"method": method.encode(), **changes}
    return read_request(target.encode(), *headers, **raw), authorization


async def taken(door: SignedRequests, asked: tuple[Inbound, str]) -> bool:
    try:
        return (await door.identity(*asked)).subject == f"app:{KEY}"
    except CredentialRejected:
        return False
