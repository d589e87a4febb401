"""The catalogue's API at the real door: from publishing to a call that is denied."""

import re
import time
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from authz import store
from catalogue.resource import Resource
from city.clock import clock
from idp import store as idp_store
from tests.catalogue.publishing_city import HOUSING, OWN, PublishingCity, Upstream, described, publishing_city, signed
from tests.founded_city import CONSOLE, PORT, Answer


def publish(city: PublishingCity, who: str = "sun", **changes: str) -> Answer:
    body = described(**changes) | {"system": "housing", "path": "/open/properties"} | changes
    return city.door.ask("POST", f"/api/v1{OWN}", who, json=body)


def ask_for(city: PublishingCity, one: Resource, app_id: str, *, when: str = "", who: str = "qian") -> Answer:
    """Asked, approved by sun, sent again."""
    path = f"/api/v1{OWN}/{one.resource}/shares"
    when = when or (clock() + timedelta(days=30)).isoformat()
    asked = city.door.ask("POST", path, who, json={"app": app_id, "purpose": "核验", "until": when})
    assert (asked.status, asked.json["missing"]) == (403, "approver"), asked
    number = asked.json["request"]
    assert city.door.ask("POST", f"{path}/approve/{number}", "sun", json={"verdict": "approve"}).status == 200
    return city.door.ask("POST", f"/.citygate/resume/{number}", who)


def test_from_publishing_to_a_call_that_is_denied_without_a_job(city: PublishingCity, portal: Upstream) -> None:
    made = publish(city)
    assert (made.status, made.json["label"]) == (201, 3)
    assert made.json["receipt"]["confirmed"] == made.json["receipt"]["live"] == 1
    one = city.room.resources.find(made.json["id"])
    created = city.door.ask("POST", "/api/v1/departments/civil/apps", "qian", json={"name": "婚姻核验"}).json
    denied = city.call(created["id"], created["secret"])
    assert (denied.status, denied.json["reason"]) == (403, "no-rule")
    soon = clock() + timedelta(seconds=2)
    shared = ask_for(city, one, created["id"], when=soon.isoformat())
    assert (shared.status, shared.json["approved_by"]) == (201, city.door.ids["sun"])
    assert city.call(created["id"], created["secret"]).status == 200
    ((head, _),) = portal.heard
    assert "authorization" not in head
    assert head["x-citygate-assertion"].count(".") == 2
    time.sleep(max(0.0, (soon - clock()).total_seconds()))
    over = city.call(created["id"], created["secret"])
    assert (over.status, over.json["reason"], len(portal.heard)) == (403, "no-rule", 1)


def test_the_record_says_for_what_and_until_when_and_never_the_secret(city: PublishingCity) -> None:
    created = city.door.ask("POST", "/api/v1/departments/civil/apps", "qian", json={"name": "记录"}).json
    one = city.resource()
    shared = ask_for(city, one, created["id"]).json
    city.call(created["id"], created["secret"])
    records = city.door.records()
    (act,) = [it for it in records if it.detail.get("share") == shared["id"]]
    assert (act.detail["purpose"], act.detail["app"], act.id) == ("核验", created["id"], shared["record"])
    assert str(act.detail["until"]).startswith(shared["until"][:16])
    called = [it for it in records if it.subject == created["id"] and it.kind == "decision"][-1]
    assert (called.detail["session"], called.detail["assurance"]) == ("", 3)
    assert created["secret"] not in repr(records)
    assert created["secret"].encode() not in city.door.city.records.log.index.read_bytes()


def test_what_was_written_is_as_its_records_say_and_a_hand_on_a_row_is_named(founded: Path, tmp_path: Path) -> None:
    with publishing_city(founded, tmp_path) as (city, _):
        first, made = publish(city).json, publish(city).json
        created = city.door.ask("POST", "/api/v1/departments/civil/apps", "qian", json={"name": "对账"}).json
        shared = ask_for(city, city.room.resources.find(made["id"]), created["id"]).json
        city.door.ask("DELETE", f"/api/v1/departments/civil/apps/{created['id']}/shares/{shared['id']}", "qian")
        city.door.ask("DELETE", f"/api/v1{OWN}/{made['id']}", "sun")

        def found() -> list[tuple[str, str]]:
            city.door.settle()
            told = city.door.ask("GET", "/api/v1/audit/reconcile", "chen").json
            return sorted((it["table"], it["id"]) for it in told["items"])

        assert found() == []
        assert city.door.undeclared() == set()
        record = city.room.resources.versions(made["id"])[0].end_record
        with city.door.city.stores.database.transaction() as connection:
            mine = store.assignment.c.id == shared["id"]
            connection.execute(sa.update(store.assignment).where(mine).values(revoked_at=None, clearance=5))
            app_row = idp_store.app.c.id == created["id"]
            connection.execute(sa.update(idp_store.app).where(app_row).values(department="housing"))
            wider = store.rule.c.id == f"reader-of-{first['id'].lower()}-below"
            connection.execute(sa.update(store.rule).where(wider).values(object="/housing/*"))
            back = {"id": f"reader-of-{made['id'].lower()}-at", "subject": "x", "department": "housing", "object": "/x"}
            connection.execute(
                sa.insert(store.rule).values(back | {"action": "read", "effect": "permit", "record": record})
            )
        changed = [("app", created["id"]), ("assignment", shared["id"]), ("rule", back["id"])]
        assert found() == sorted([*changed, ("rule", f"reader-of-{first['id'].lower()}-below")])


def test_an_app_that_is_ended_is_nobody_at_once(city: PublishingCity, portal: Upstream) -> None:
    one, (app_id, secret) = city.resource(), city.app()
    city.share(one, app_id)
    assert city.call(app_id, secret).status == 200
    ended = city.door.ask("DELETE", f"/api/v1/departments/civil/apps/{app_id}", "qian").json
    assert ended["receipt"]["confirmed"] == ended["receipt"]["live"]
    answer = city.call(app_id, secret)
    assert (answer.status, answer.json["code"]) == (401, "credential-rejected")
    assert len(portal.heard) == 1


def test_a_share_that_is_ended_by_either_side_ends_at_once(city: PublishingCity) -> None:
    one, (app_id, secret) = city.resource(), city.app()
    for path, who in ((f"{OWN}/{one.resource}", "sun"), (f"/departments/civil/apps/{app_id}", "qian")):
        given = city.share(one, app_id)
        assert city.call(app_id, secret).status == 200
        assert city.door.ask("DELETE", f"/api/v1{path}/shares/{given.id}", who).status == 200
        assert city.call(app_id, secret).json["reason"] == "no-rule"
        assert city.door.ask("DELETE", f"/api/v1{path}/shares/{given.id}", who).status == 404


def test_every_reason_to_reject_a_signature_has_one_answer(city: PublishingCity) -> None:
    one, (app_id, secret) = city.resource(), city.app()
    city.share(one, app_id)
    target, seen = "/open/properties", set()
    good = signed(app_id, secret, target, nonce="n" * 22)
    assert city.door.ask("GET", target, host=HOUSING, headers=good).status == 200
    late = signed(app_id, secret, target, at=clock().timestamp() - 400)
    wrong = [good, late, signed(app_id, "cg_app_other", target), signed("app:" + "7" * 26, secret, target),
             signed(app_id, secret, "/open/other"), {"authorization": "Citygate-HMAC-SHA256 nonsense"}]  # fmt: skip
    for headers in wrong:
        answer = city.door.ask("GET", target, host=HOUSING, headers=headers)
        told = {k: v for k, v in answer.json.items() if k not in ("instance", "decision_id")}
        seen.add((answer.status, str(told), answer.headers["www-authenticate"]))
    ((status, told, _),) = seen
    assert (status, "credential-rejected" in told) == (401, True)


def test_a_body_is_held_to_what_was_signed(city: PublishingCity, portal: Upstream) -> None:
    one, (app_id, secret) = city.resource(), city.app()
    city.share(one, app_id)
    with city.door.city.stores.database.transaction() as connection:  # this test's app may also write
        rule = {"id": city.door.city.stores.epochs.confirmations().epoch, "subject": app_id, "department": "housing"}
        rule |= {"object": "/housing/open/*", "action": "file", "effect": "permit", "record": "01X"}
        connection.execute(sa.insert(store.rule).values(rule | {"id": f"write-{rule['id']}"}))
        epoch = city.door.city.stores.epochs.bump(connection, [("policy", "x")])
    city.door.city.deciding.effective(epoch)
    body = b"x" * 200_000
    assert city.call(app_id, secret, method="POST", json=body).status == 200
    headers = signed(app_id, secret, "/open/properties", method="POST", body=body)
    changed = city.door.ask("POST", "/open/properties", host=HOUSING, headers=headers, json=body[:-1] + b"y")
    assert (changed.status, changed.json["code"]) == (400, "digest-wrong")
    assert [heard for _, heard in portal.heard if heard] == [body], "what was changed never came whole"


def test_nobody_publishes_asks_or_ends_for_others(city: PublishingCity) -> None:
    one, (app_id, _) = city.resource(), city.app("housing")
    given = city.share(one, city.app()[0])
    assert publish(city, "qian").status == publish(city, "he").status == 403
    refused = ask_for(city, one, app_id)  # qian works in civil: he has no app in housing
    assert (refused.status, refused.json["code"]) == (404, "app-unknown")
    for path in (f"{OWN}/{one.resource}/shares/{given.id}", f"/departments/housing/apps/{given.app}/shares/{given.id}"):
        assert city.door.ask("DELETE", f"/api/v1{path}", "qian").status == 403
    other = f"/api/v1/departments/civil/resources/{one.resource}/shares/{given.id}"
    assert city.door.ask("DELETE", other, "qian").json["code"] == "share-unknown"
    zheng = ask_for(city, one, city.app("city")[0], who="zheng")  # one of the three, of the city's own department
    assert zheng.json["code"] == "app-unknown"


def asked_by_zhao(city: PublishingCity) -> tuple[str, str]:
    """Where a share is approved that staff cleared for 2 asked for, signed in with no more than a password."""
    path = f"/api/v1{OWN}/{city.resource().resource}/shares"
    cookie = city.door.sign_in("zhao", assurance=2)
    headers = {"origin": f"http://{CONSOLE}:{PORT}", "x-csrf-token": city.door.csrf(cookie)}
    when = (clock() + timedelta(days=30)).isoformat()
    body = {"app": city.app("civil-registry")[0], "purpose": "核验", "until": when}
    asked = city.door.ask("POST", path, cookie=cookie, headers=headers, json=body)
    assert (asked.status, asked.json["missing"]) == (403, "approver"), asked
    return f"{path}/approve/{asked.json['request']}", asked.json["request"]


def lowered(city: PublishingCity, who: str, clearance: int) -> None:
    """Her own administration counts up to another label from now on."""
    stores, subject = city.door.city.stores, city.door.ids[who]
    mine = (store.assignment.c.subject == subject) & (store.assignment.c.role == "department-administrator")
    with stores.database.transaction() as connection:
        connection.execute(sa.update(store.assignment).where(mine).values(clearance=clearance))
        epoch = stores.epochs.bump(connection, [("subject", subject)])
    city.door.city.deciding.effective(epoch)


def test_staff_cleared_for_two_ask_and_what_the_owner_approved_is_given_until_its_date(city: PublishingCity) -> None:
    one, (app_id, secret) = city.resource(), city.app("civil-registry")
    given = ask_for(city, one, app_id, who="zhao")
    assert given.status == 201, given
    assert (given.json["asked_by"], given.json["approved_by"]) == (city.door.ids["zhao"], city.door.ids["sun"])
    assert city.call(app_id, secret).status == 200
    others = ask_for(city, one, city.app()[0], who="zhao")  # of a department where she does not work
    assert others.json["code"] == "app-unknown"


def test_to_approve_takes_the_label_that_it_took_before(city: PublishingCity) -> None:
    approve, number = asked_by_zhao(city)
    cookie = city.door.sign_in("sun", assurance=2)
    headers = {"origin": f"http://{CONSOLE}:{PORT}", "x-csrf-token": city.door.csrf(cookie)}
    weak = city.door.ask("POST", approve, cookie=cookie, headers=headers, json={"verdict": "approve"})
    assert (weak.status, weak.json["missing"]) == (401, "assurance")
    lowered(city, "sun", 2)
    try:
        low = city.door.ask("POST", approve, "sun", json={"verdict": "approve"})
        assert (low.status, low.json["reason"]) == (403, "clearance")
        assert number not in city.door.ask("GET", "/api/v1/requests", "sun").text
    finally:
        lowered(city, "sun", 3)
    assert number in city.door.ask("GET", "/api/v1/requests", "sun").text
    zhao = city.door.ask("POST", approve, "zhao", json={"verdict": "approve"})
    assert (zhao.status, zhao.json["reason"]) == (403, "no-rule")


def test_an_approval_by_somebody_who_lost_the_clearance_meanwhile_is_none(city: PublishingCity) -> None:
    approve, number = asked_by_zhao(city)
    assert city.door.ask("POST", approve, "sun", json={"verdict": "approve"}).status == 200
    lowered(city, "sun", 2)
    try:
        again = city.door.ask("POST", f"/.citygate/resume/{number}", "zhao")
        assert (again.status, again.json["reason"]) == (403, "approver-lost-right")
    finally:
        lowered(city, "sun", 3)


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"name": "<x>"}, "name", "name-invalid"), ({"name": "a\nb"}, "name", "name-invalid"),
        ({"name": "../x"}, "name", "name-invalid"), ({"name": "a;b"}, "name", "name-invalid"),
        ({"name": "-rf"}, "name", "name-invalid"), ({"location": "=1+1"}, "location", "text-invalid"),
        ({"path": "/open/*"}, "path", "path-invalid"), ({"system": "../x"}, "system", "slug-invalid"),
        ({"path": "/closed"}, "path", "not-served"), ({"system": "marriage"}, "path", "not-served"),
    ],
)  # fmt: skip
def test_what_cannot_be_published_is_said_by_field(
    city: PublishingCity, changes: dict[str, str], field: str, code: str
) -> None:
    """fault: a resource named with markup, a newline, `;`, `../`, a leading dash or a formula — 422 for that field, nothing is published."""
    before = city.door.ask("GET", "/api/v1/catalogue", "sun").json["items"]
    answer = publish(city, **changes)
    assert (answer.status, answer.json["errors"]) == (422, [{"field": field, "code": code}])
    assert not set(changes.values()) & set(re.findall(r'"([^"]*)"', answer.text)) - {"marriage"}
    form = described() | {"system": "housing", "path": "/open/properties"} | changes
    page = city.door.ask("POST", OWN, "sun", form=form, page=True)
    assert page.status == 422
    assert "<x>" not in page.text
    assert city.door.ask("GET", "/api/v1/catalogue", "sun").json["items"] == before


def test_the_apis_of_a_share_refuse_what_is_too_long_past_or_for_no_purpose(city: PublishingCity) -> None:
    one, (app_id, _) = city.resource(), city.app()
    year = clock() + timedelta(days=366, minutes=1)
    answer = ask_for(city, one, app_id, when=year.isoformat())
    assert (answer.status, answer.json["errors"]) == (422, [{"field": "until", "code": "date-too-far"}])
    past = ask_for(city, one, app_id, when=clock().isoformat())
    assert past.json["errors"] == [{"field": "until", "code": "date-past"}]
