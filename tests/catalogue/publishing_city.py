"""A founded city with portals to publish from: what is written straight into its catalogue, and asked at its door."""

import hashlib
import http.server
import itertools
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from authz.label import Label
from catalogue.description import DESCRIBED
from catalogue.resource import Resource
from catalogue.room import Catalogue, open_catalogue
from catalogue.share import Share, ShareRequest
from city.clock import clock
from city.identifiers import mint
from idp.app_key import Claim, SignedParts, content_digest, signature_of
from tests.acts import an_act
from tests.founded_city import Answer, CityDoor, open_founded_city, tomorrow
from tests.idp.app_header import authorization_of

HOUSING = "housing.localhost"
OWN = "/departments/housing/resources"  # where its department publishes
_ROUTE = """
[[routes]]
host = "{host}"
path = "/open/**"
system = "{system}"
department = "{department}"
actions = {{ GET = "read", POST = "file" }}
label = 3
upstream = "{upstream}"
body_bytes = 1048576
"""
_PLACES = (("housing", "housing"), ("marriage", "civil"), ("social", "civil-registry"))
_numbers = itertools.count(1)


def described(**changes: str) -> dict[str, str]:
    """The nine fields."""
    fields = dict.fromkeys(DESCRIBED, "一项") | {"name": "不动产登记信息", "produced": "2026-03-01", "version": "1.0"}
    return fields | changes


def routes(folder: Path, upstream: str = "http://127.0.0.1:9") -> Path:
    """A route table with an open API in three departments."""
    file = folder / "routes.toml"
    places = ({"host": f"{s}.localhost", "system": s, "department": d, "upstream": upstream} for s, d in _PLACES)
    file.write_text("".join(_ROUTE.format(**one) for one in places))
    return file


class PublishingCity:
    """The room behind a door, for what a test only needs to be there."""

    def __init__(self, door: CityDoor) -> None:
        self.door, stores = door, door.city.stores
        self.room: Catalogue = open_catalogue(
            stores.database,
            stores.epochs,
            door.city.keys.seal,
            label_of=lambda *_: Label.L3,
            clock=clock,
            mint=mint,
        )

    def resource(self, department: str = "housing", **changes: str) -> Resource:
        system = {d: s for s, d in _PLACES}[department]
        act = an_act("user:sun", record="01R", department=department)
        resource, epoch = self.room.resources.publish(described(**changes), act, system=system, path="/open/properties")
        self.door.city.deciding.effective(epoch)
        return resource

    def app(self, department: str = "civil", name: str = "") -> tuple[str, str]:
        """Its id and secret."""
        name = name or f"核验 {next(_numbers)}"
        app, secret = self.room.apps.create(name, an_act("user:qian", record="01A", department=department))
        return app.id, secret

    def share(self, resource: Resource, app_id: str, *, until: datetime | None = None) -> Share:
        wanted = ShareRequest(
            resource=resource.resource, app=app_id, purpose="核验", until=until or clock() + timedelta(days=30)
        )
        act = an_act("user:qian", approver="user:sun", record="01S", department=resource.department)
        share, epoch = self.room.shares.give(wanted, act, speaks_for=lambda _: True)
        self.door.city.deciding.effective(epoch)
        return share

    def call(self, app_id: str, secret: str, target: str = "/open/properties", **changes: Any) -> Answer:
        """One signed request to the open API."""
        method, body = changes.pop("method", "GET"), changes.pop("json", None)
        headers = signed(app_id, secret, target, method=method, body=body, **changes)
        return self.door.ask(method, target, host=HOUSING, headers=headers, json=body)


def signed(
    app_id: str, secret: str, target: str, *, method: str = "GET", body: bytes | None = None, nonce: str = "",
    at: float = 0,
) -> dict[str, str]:  # fmt: skip
    """The headers of one signed request to the housing portal; a body goes as JSON (`Door.ask`)."""
    seconds = int(at or clock().timestamp())
    claim = Claim(key=app_id.removeprefix("app:"), time=seconds, nonce=nonce or secrets.token_urlsafe(18), signature="")
    digest, kind = content_digest(hashlib.sha256(body or b"").digest()), "" if body is None else "application/json"
    said = SignedParts(method=method, host=HOUSING, target=target, content_type=kind, digest=digest)
    signature = signature_of(secret.encode(), claim, said)
    claim = Claim(key=claim.key, time=claim.time, nonce=claim.nonce, signature=signature)
    return {"authorization": authorization_of(claim)} | ({"content-digest": digest} if body else {})


class Upstream(http.server.ThreadingHTTPServer):
    """A portal that says what it heard: heads and bodies."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Heard)
        self.heard: list[tuple[dict[str, str], bytes]] = []
        self.daemon_threads = True


class _Heard(http.server.BaseHTTPRequestHandler):
    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.heard.append(({k.lower(): v for k, v in self.headers.items()}, body))  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_GET = do_POST = _answer

    def log_message(self, *_: object) -> None: ...


@contextmanager
def publishing_city(founded: Path, folder: Path) -> Iterator[tuple[PublishingCity, Upstream]]:
    """The door of a city of one's own, with a portal behind it that answers."""
    with Upstream() as upstream:
        threading.Thread(target=upstream.serve_forever, daemon=True).start()
        table = routes(folder, f"http://127.0.0.1:{upstream.server_port}")
        with open_founded_city(founded, folder / "city", routes=table) as door:
            yield PublishingCity(door), upstream
        upstream.shutdown()


def until(days: int = 30) -> str:
    """A day as a form gives it."""
    return tomorrow(days)[:10]
