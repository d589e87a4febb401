"""Make the kept city anew: `python -m tests.kept.build`. It is founded and used through the door by the code of the day.

The one beside this file was made by version 0.1.0, before pages and API of an act had one object. Do not make it anew
to please a test: what an older version wrote is what it is for. A later one gets a name of its own.
"""

import json
import shutil
import sys
import tarfile
import tempfile
from collections import defaultdict
from pathlib import Path

from city.clock import clock
from city.founding import found_city
from city.identifiers import mint
from city.settings import Settings
from tests.catalogue.publishing_city import described, routes
from tests.founded_city import Answer, CityDoor, open_founded_city, tomorrow
from tests.kept.acts import API, PAGE, SIZE, Browser, approve, ask, kinds, send_again
from tests.kept.kept_city import ARCHIVE, CITY, FACTS, ROUTES

_SYSTEMS = {"done": "social", "approved": "housing", "waiting": "marriage"}
_UNTIL = 30  # days


def main(version: str) -> None:
    """Found a city, use it, keep its folder."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        found_city(Settings(data=place / "founded"), clock=clock, mint=mint)
        with open_founded_city(place / "founded", place / CITY, routes=routes(place)) as door:
            facts = _use(door) | {"version": version}
            facts |= {"objects": _objects(door), "made_at": clock().isoformat()}
        _keep(place, facts)


def _use(door: CityDoor) -> dict[str, object]:
    """Everything once by page and once by API; what is parked is told."""
    resource, application = _catalogue(door)
    number, requests = 0, []
    for state, system in _SYSTEMS.items():
        for how in (PAGE, API):
            number += 1
            key = {"name": f"key-{number}", "usage": "encrypt"}
            _ok(door.ask("POST", "/api/v1/departments/civil/keys", "feng", json=key))
            share = door.ask("POST", "/api/v1/departments/civil/apps", "qian", json={"name": f"核验 {number}"}).json[
                "id"
            ]
            each = kinds(number, resource=resource, app=share, system=system, until=tomorrow(_UNTIL))
            for name, kind in each.items():
                parked = ask(door, kind, how)
                if state != "waiting":
                    approve(door, kind.path, parked, kind.approves, how)
                if state == "done":
                    send_again(door, parked, kind.asks, how)
                told = {"id": parked, "kind": name, "by": how, "state": state, "path": kind.path}
                requests.append(told | {"asks": kind.asks, "approves": kind.approves, "number": number, "app": share})
    rejected = kinds(90, resource=resource, app=application, system="social", until=tomorrow(_UNTIL))["machine"]
    approve(door, rejected.path, refused := ask(door, rejected, API), rejected.approves, API, "reject")
    _machines_and_flows(door)
    _shares(door, resource)
    ciphertext = _people(door)
    _grades(door)
    _backups(door)
    return {
        "requests": requests, "rejected": refused, "step_up": _step_up(door), "resource": resource,
        "ciphertext": ciphertext,  "session": Browser(door, "wang").cookie,
    }  # fmt: skip


def _catalogue(door: CityDoor) -> tuple[str, str]:
    """A resource that is shared later, and an app; beside them others that are withdrawn and ended."""
    own, made = "/departments/housing/resources", {"system": "housing", "path": "/open/properties"}
    browser, published = Browser(door, "sun"), []
    for name in ("不动产", "二手房"):
        _ok(browser.post(own, described(name=name) | made))
        published.append(
            _ok(door.ask("POST", f"/api/v1{own}", "sun", json=described(name=f"{name}（接口）") | made)).json["id"]
        )
    listed = door.ask("GET", "/api/v1/catalogue", "sun").json["items"]
    by_page = next(one["id"] for one in listed if one["name"] == "二手房")
    _ok(browser.post(f"{own}/{by_page}/versions", described(name="二手房", version="2.0")))
    _ok(door.ask("POST", f"/api/v1{own}/{published[1]}/versions", "sun", json=described(version="2.0")))
    _ok(browser.post(f"{own}/{by_page}/withdraw"))
    _ok(door.ask("DELETE", f"/api/v1{own}/{published[1]}", "sun"))
    place, qian = "/departments/civil/apps", Browser(door, "qian")
    apps = [door.ask("POST", f"/api/v1{place}", "qian", json={"name": name}).json["id"] for name in ("一", "二", "三")]
    _ok(qian.post(place, {"name": "四"}))  # with its secret, once
    _ok(qian.post(f"{place}/{apps[1]}/end"))
    _ok(door.ask("DELETE", f"/api/v1{place}/{apps[2]}", "qian"))
    return published[0], apps[0]


def _machines_and_flows(door: CityDoor) -> None:
    """The two of each that were made: started, stopped, closed and deleted, each by the other way too."""
    _ok(door.ask("POST", "/api/v1/jobs/infra", "clock-job"))
    listed = door.ask("GET", "/api/v1/departments/civil/machines", "qian").json["items"]
    first, second = [f"/departments/civil/machines/{one['id']}" for one in listed[:2]]
    qian = Browser(door, "qian")
    for verb in ("stop", "start", "delete"):
        _ok(qian.post(f"{first}/{verb}"))
    for verb in ("stop", "start"):
        _ok(door.ask("POST", f"/api/v1{second}/{verb}", "qian"))
    _ok(door.ask("DELETE", f"/api/v1{second}", "qian"))
    for number, how in ((91, PAGE), (92, API)):
        stays = kinds(number, resource="", app="", system="social", until=tomorrow(_UNTIL))
        for kind in (stays["machine"], stays["flow"]):
            approve(door, kind.path, parked := ask(door, kind, how), kind.approves, how)
            send_again(door, parked, kind.asks, how)
    flow = "/zones/core/flows/extranet/tcp"
    _ok(Browser(door, "zheng").post(f"{flow}/7001/close"))
    _ok(door.ask("DELETE", f"/api/v1{flow}/7002", "zheng"))
    quota = {**SIZE, "cpu": 24, "memory_gib": 96, "disk_gib": 1500}
    _ok(door.ask("PUT", "/api/v1/departments/civil/quota", "zhou", json=quota))
    _ok(door.ask("PUT", "/api/v1/departments/civil/key-suite", "zheng", json={"suite": "guomi"}))
    _ok(door.ask("POST", "/api/v1/jobs/infra", "clock-job"))


def _shares(door: CityDoor, resource: str) -> None:
    """Two more shares, of which the owner ends one by page and one by API."""
    for number, how in ((93, PAGE), (94, API)):
        app_id = door.ask("POST", "/api/v1/departments/civil/apps", "qian", json={"name": f"共享 {number}"}).json["id"]
        kind = kinds(number, resource=resource, app=app_id, system="social", until=tomorrow(_UNTIL))["share"]
        approve(door, kind.path, parked := ask(door, kind, how), kind.approves, how)
        send_again(door, parked, kind.asks, how)
        share = next(
            event.detail["share"] for event in reversed(door.records())
            if event.action == "share:ask" and event.detail.get("app") == app_id and "share" in event.detail
        )  # fmt: skip
        place = f"/departments/housing/resources/{resource}"
        if how == PAGE:
            _ok(Browser(door, "sun").post(f"{place}/shared/{share}/end"))
        else:
            _ok(door.ask("DELETE", f"/api/v1{place}/shares/{share}", "sun"))


def _people(door: CityDoor) -> str:
    """Roles given and taken, and two that stay; one is a key-user's, and what she sealed is returned."""
    place = f"/departments/civil-registry/people/{door.ids['zhao']}/assignments"
    role = {"role": "marriage-clerk", "clearance": "2", "reason": "窗口轮岗", "department": "civil-registry"}
    qian = Browser(door, "qian")
    for days in (20, 21):
        _ok(qian.post(place, role | {"until": tomorrow(days)[:10]}))
    given = []
    for days in (22, 23):
        asked = {"role": "marriage-clerk", "clearance": 2, "reason": "窗口轮岗", "expires_at": tomorrow(days)}
        given.append(_ok(door.ask("POST", f"/api/v1{place}", "qian", json=asked)).json["id"])
    user = {"role": "key-user", "clearance": 3, "reason": "窗口轮岗", "expires_at": tomorrow(24)}
    _ok(door.ask("POST", f"/api/v1/departments/civil/people/{door.ids['zhao']}/assignments", "qian", json=user))
    _ok(qian.post(f"{place}/{given[0]}/revoke"))
    _ok(door.ask("DELETE", f"/api/v1{place}/{given[1]}", "qian"))
    sealed = door.ask("POST", "/api/v1/departments/civil/keys/key-1/encrypt", "zhao", json={"plaintext": "5rCR"})
    return str(_ok(sealed).json["ciphertext"])


def _grades(door: CityDoor) -> None:
    place, zheng = "/systems/social", Browser(door, "zheng")
    said = {"status": "met", "reason": "演练", "until": tomorrow(_UNTIL)}
    _ok(zheng.post(f"{place}/controls/incident-plan/answer", said | {"until": said["until"][:10]}))
    _ok(door.ask("POST", f"/api/v1{place}/controls/incident-plan/answer", "zheng", json=said))
    _ok(zheng.post(f"{place}/assessments"))
    _ok(door.ask("POST", f"/api/v1{place}/assessments", "zheng"))


def _backups(door: CityDoor) -> None:
    """One backup, because a sealed one cannot be made small, and two drills."""
    for verb in ("run", "drill"):
        _ok(Browser(door, "zhou").post(f"/backups/{verb}"))
        door.idle()
    assert door.work("drill")["status"] == "passed"
    _ok(Browser(door, "chen").get("/audit?object=/console/departments"))


def _ok(answer: Answer) -> Answer:
    assert answer.status < 400, answer
    return answer


def _step_up(door: CityDoor) -> dict[str, str]:
    """A role that somebody wants to give who has signed in with a password alone."""
    path = f"/departments/civil-registry/people/{door.ids['zhao']}/assignments"
    role = {"role": "marriage-clerk", "clearance": "1", "reason": "补录", "department": "civil-registry"}
    answer = Browser(door, "qian", assurance=2).post(path, role | {"until": tomorrow(25)[:10]})
    assert (answer.status, door.under[0] in answer.text) == (401, True), answer
    return {"id": door.under[0], "asks": "qian", "reason": "补录"}


def _objects(door: CityDoor) -> dict[str, list[int]]:
    """Object → where the log speaks of it."""
    leaves = defaultdict(list)
    for leaf, event in enumerate(door.records()):
        if event.object.startswith("/console/") and event.action not in ("read", "audit:read", "request:read"):
            leaves[event.object].append(leaf)
    return dict(sorted(leaves.items()))


def _keep(place: Path, facts: dict[str, object]) -> None:
    """The folder and the backups beside it, without what is made again by itself."""
    city = place / CITY
    for name in ("audit/index.db", "audit/index.db-wal", "audit/index.db-shm", "run"):
        path = city / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    (city / "run").mkdir()
    shutil.copy(place / "routes.toml", place / ROUTES)
    with tarfile.open(ARCHIVE, "w:xz", preset=9) as archive:
        for path in sorted(place.glob(f"{CITY}*")):
            archive.add(path, path.name, filter=_nobodys)
    FACTS.write_text(json.dumps(facts, ensure_ascii=False, indent=1) + "\n")


def _nobodys(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


if __name__ == "__main__":
    main(*sys.argv[1:] or ["0.1.0"])
