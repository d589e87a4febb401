"""Acts that a second person approves, asked for by page with a browser and by API with a key, as both look to a person."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.founded_city import CONSOLE, PORT, Answer, CityDoor

ANSWERS = {"s_harmed": "society", "s_harm": "serious", "a_harmed": "society", "a_harm": "general", "basis": "duty"}
SIZE = {"cpu": 1, "memory_gib": 1, "disk_gib": 1}
PAGE, API = "page", "api"


@dataclass(frozen=True)
class Kind:
    """One such act: where, who asks, who approves, and with which fields by page and by API."""

    path: str
    asks: str
    approves: str
    by_page: Mapping[str, str]
    by_api: Mapping[str, Any] | None


def kinds(number: int, *, resource: str, app: str, system: str, until: str) -> dict[str, Kind]:
    """Each act once, with names and ports that nobody used before; `until` is RFC 3339."""
    machine = {"name": f"vm-{number}", "purpose": "窗口业务"}
    flow = {"owner": "civil", "reason": "窗口业务"}
    share, day = {"app": app, "purpose": "核验"}, until[:10]
    placed = "/departments/civil/zones/core/systems/marriage/machines"
    sizes = {name: str(value) for name, value in SIZE.items()}
    return {
        "machine": Kind(placed, "qian", "zhou", machine | sizes, machine | SIZE),
        "flow": Kind(
            f"/zones/core/flows/extranet/tcp/{7000 + number}", "zheng", "feng", flow | {"until": day},
            flow | {"expires_at": until},
        ),
        "key": Kind(f"/departments/civil/keys/key-{number}/rotate", "feng", "zheng", {}, None),
        "grade": Kind(f"/systems/{system}/grade", "feng", "zheng", ANSWERS, ANSWERS),
        "share": Kind(
            f"/departments/housing/resources/{resource}/shares", "qian", "sun", share | {"until": day},
            share | {"until": until},
        ),
    }  # fmt: skip


class Browser:
    """Somebody's browser, signed in with a code unless less is said."""

    def __init__(self, door: CityDoor, who: str, *, assurance: int = 3, cookie: str = "") -> None:
        self.door, self.cookie = door, cookie or door.sign_in(who, assurance=assurance)

    def get(self, path: str) -> Answer:
        return self.door.ask("GET", path, cookie=self.cookie, page=True)

    def post(self, path: str, fields: Mapping[str, str] = {}) -> Answer:
        """As a form of one of its own pages sends it."""
        origin = {"origin": f"http://{CONSOLE}:{PORT}"}
        form = {"csrf": self.door.csrf(self.cookie), **fields}
        return self.door.ask("POST", path, cookie=self.cookie, form=form, headers=origin, page=True)


def ask(door: CityDoor, kind: Kind, how: str) -> str:
    """The number under which it waits."""
    if how == PAGE:
        answer = Browser(door, kind.asks).post(kind.path, kind.by_page)
    else:
        answer = door.ask("POST", f"/api/v1{kind.path}", kind.asks, json=kind.by_api)
    assert answer.status == 403, answer
    number = door.under[0]
    assert number in answer.text, answer
    return number


def approve(door: CityDoor, path: str, number: str, who: str, how: str, verdict: str = "approve") -> None:
    said = {"verdict": verdict} | ({"reason": "不在本月"} if verdict == "reject" else {})
    if how == PAGE:
        answer = Browser(door, who).post(f"{path}/approve/{number}", said)
        assert (answer.status, answer.location) == (303, "/requests"), answer
    else:
        answer = door.ask("POST", f"/api/v1{path}/approve/{number}", who, json=said)
        assert answer.status == 200, answer


def send_again(door: CityDoor, number: str, who: str, how: str) -> Answer:
    """Its requester sends it; what the act itself answered."""
    if how == PAGE:
        answer = Browser(door, who).post(f"/.citygate/resume/{number}")
    else:
        answer = door.ask("POST", f"/.citygate/resume/{number}", who)
    assert answer.status < 400, answer
    return answer
