"""Decided on a fresh lease only, and below the label never."""

from dataclasses import replace

import pytest

from authz.facts import Facts, SystemFact
from authz.label import Label
from authz.lease import LEASE_SECONDS
from gateway.pipeline import handle
from gateway.routes import RouteTable
from tests.gateway.behind_the_door import CITY
from tests.gateway.door import DESK, GatewayDoor, header


@pytest.mark.parametrize(("assurance", "status"), [(2, 401), (3, 200)])
async def test_a_session_below_the_label_never_reaches_the_upstream(
    door: GatewayDoor, assurance: int, status: int
) -> None:
    answer = await door.ask("/secret/1", cookie=door.sign_in(assurance=assurance))
    assert (answer.status, len(door.heard)) == (status, int(status == 200))


async def test_only_the_missing_assurance_is_asked_for_as_rfc_9470_says(door: GatewayDoor) -> None:
    answer = await door.ask("/secret/1", cookie=door.sign_in())
    assert header(answer, b"www-authenticate") == 'Bearer error="insufficient_user_authentication", acr_values="3"'


async def test_no_route_without_a_rule(door: GatewayDoor) -> None:
    assert (await door.ask("/unruled/1", cookie=door.sign_in(assurance=5))).status == 403


@pytest.mark.parametrize(
    ("target", "method", "status"),
    [("/low/1", "GET", 200), ("/public/1", "GET", 200), ("/secret/1", "GET", 503), ("/low/1", "POST", 503)],
)
async def test_without_a_lease_only_graced_low_reads_pass_and_their_records_say_stale(
    door: GatewayDoor, target: str, method: str, status: int
) -> None:
    cookie = door.sign_in(assurance=3)
    door.seconds += LEASE_SECONDS + 59
    answer = await door.ask(target, method=method, cookie=cookie)
    assert (answer.status, header(answer, b"retry-after")) == (status, "" if status == 200 else "1")
    record = door.records()[-1]
    assert record.detail.get("stale") == (1 if status == 200 else None)
    assert record.reason == ("permit" if status == 200 else "lease-lost")


async def test_a_session_that_ends_while_it_is_decided_is_nobody(
    door: GatewayDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie, decider = door.sign_in(), door.gate.decider
    session, clock = door.session_of(cookie), decider._monotonic

    def meanwhile() -> float:
        monkeypatch.undo()
        door.adopt(revoked=[session])
        return clock()

    monkeypatch.setattr(decider, "_monotonic", meanwhile)
    assert (await door.ask("/low/1", cookie=cookie)).status == 401
    assert door.records()[-1].reason == "session-ended"
    assert not door.heard


@pytest.mark.parametrize(("assurance", "status"), [(2, 401), (3, 200)])
async def test_what_is_graded_while_its_reader_is_looked_up_has_the_new_label(
    door: GatewayDoor, monkeypatch: pytest.MonkeyPatch, assurance: int, status: int
) -> None:
    """Nobody decides by the old grade once its receipt is there: neither does who was matched before."""
    routes = [replace(one, registered=one.path == "/low/**") for one in door.gate.routes.routes]
    held, credentials = door.gate.decider.snapshot.policies, door.gate.credentials

    def grade(label: Label) -> None:
        facts = Facts(systems={"permits": SystemFact(department=CITY, label=label)})
        door.adopt(policies=replace(held, facts=facts))

    find = credentials.session

    async def slowly(digest: bytes, record: str):  # type: ignore[no-untyped-def]
        found = await find(digest, record)
        grade(Label.L3)
        return found

    grade(Label.L2)
    monkeypatch.setattr(credentials, "session", slowly)
    raw = door.raw("/low/1", cookie=door.sign_in(assurance=assurance))
    answer = await handle(raw, replace(door.gate, routes=RouteTable(routes)))
    assert (answer.status, len(door.heard)) == (status, int(status == 200))
    assert status == 401 or {one.label for one in door.records()} == {Label.L3}


async def test_the_grace_ends(door: GatewayDoor) -> None:
    cookie = door.sign_in()
    door.seconds += LEASE_SECONDS + 60
    assert (await door.ask("/low/1", cookie=cookie)).status == 503
    assert not door.heard


async def test_a_desk_has_no_grace(door: GatewayDoor) -> None:
    cookie = door.sign_in(host=DESK)
    door.seconds += LEASE_SECONDS
    assert (await door.ask("/notes/1", host=DESK, cookie=cookie)).status == 503
