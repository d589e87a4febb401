"""An app's pause and resumption at the real door: at once, by two people, and never by an approval from before."""

from dataclasses import replace
from datetime import timedelta

from city.clock import clock
from tests.catalogue.publishing_city import PublishingCity, Upstream
from tests.founded_city import Answer


def resume(city: PublishingCity, app_id: str, by: str) -> Answer:
    """Asked by qian, approved by `by`, sent again."""
    path = f"/api/v1/departments/civil/apps/{app_id}/resume"
    asked = city.door.ask("POST", path, "qian")
    assert (asked.status, asked.json["missing"]) == (403, "approver"), asked
    number = asked.json["request"]
    approved = city.door.ask("POST", f"{path}/approve/{number}", by, json={"verdict": "approve"})
    return approved if approved.status >= 400 else city.door.ask("POST", f"/.citygate/resume/{number}", "qian")


def test_an_app_that_is_paused_is_nobody_until_a_guard_agrees_that_it_is_resumed(
    city: PublishingCity, portal: Upstream
) -> None:
    one = city.resource()
    created = city.door.ask("POST", "/api/v1/departments/civil/apps", "qian", json={"name": "暂停"}).json
    app_id, secret = created["id"], created["secret"]
    city.share(one, app_id)
    assert city.call(app_id, secret).status == 200
    paused = city.door.ask("POST", f"/api/v1/departments/civil/apps/{app_id}/pause", "qian")
    assert (paused.status, paused.json["receipt"]["confirmed"]) == (200, 1)
    assert (city.call(app_id, secret).status, len(portal.heard)) == (401, 1)
    page = city.door.ask("GET", "/departments/civil/apps", "qian", page=True).text
    assert f"/apps/{app_id}/resume" in page
    assert f"/apps/{app_id}/pause" not in page
    assert resume(city, app_id, "qian").status == 403, "nobody agrees with herself"
    assert resume(city, app_id, "sun").status == 403, "another department's administrator is no guard"
    assert city.call(app_id, secret).status == 401
    resumed = resume(city, app_id, "feng")
    assert (resumed.status, resumed.json["receipt"]["confirmed"]) == (200, 1)
    assert (city.call(app_id, secret).status, len(portal.heard)) == (200, 2)
    acts = [record for record in city.door.records() if record.detail.get("app") == app_id and record.kind == "outcome"]
    assert [(record.action, record.detail.get("approver", "")) for record in acts][-2:] == [
        ("app:pause", ""),
        ("app:resume", ""),
    ]
    city.door.settle()
    records = city.door.city.records
    later = replace(records, clock=lambda: clock() + timedelta(minutes=2))  # nothing is too recent to be judged
    assert [row for row in later.reconcile().found if row.id == app_id] == []


def test_an_approval_from_before_a_pause_does_not_undo_that_pause(city: PublishingCity) -> None:
    app_id, secret = city.app()
    app_path = f"/api/v1/departments/civil/apps/{app_id}"
    city.door.ask("POST", f"{app_path}/pause", "qian")
    number = city.door.ask("POST", f"{app_path}/resume", "qian").json["request"]
    agreed = city.door.ask("POST", f"{app_path}/resume/approve/{number}", "feng", json={"verdict": "approve"})
    assert agreed.status == 200
    city.door.ask("POST", f"{app_path}/pause", "qian")
    late = city.door.ask("POST", f"/.citygate/resume/{number}", "qian")
    assert (late.status, late.json["code"]) == (409, "app-paused-since")
    assert city.call(app_id, secret).status == 401
    assert resume(city, app_id, "feng").status == 200, "what is asked for after the pause is of that pause"
    assert city.call(app_id, secret).json["reason"] == "no-rule", "it is somebody again"


def test_nobody_pauses_the_app_of_another_department(city: PublishingCity) -> None:
    app_id, secret = city.app("housing")
    for who, department in (("qian", "civil"), ("qian", "housing"), ("feng", "housing")):
        answer = city.door.ask("POST", f"/api/v1/departments/{department}/apps/{app_id}/pause", who)
        assert answer.status in (403, 404), (who, department)
    assert city.call(app_id, secret).json["reason"] == "no-rule", "it is still somebody"
