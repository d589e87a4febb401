"""What waits for a second person: listed, decided once, never by its requester; on both databases, also at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from authz.errors import AlreadyDecided, NotApproved, OwnRequest, ParkedUnknown, ParkFull
from authz.label import Label
from authz.park import PER_SUBJECT, WAITING_PER_SUBJECT, ApprovalRequest, Parking
from authz.request import Missing
from authz.second_person import PAGE_REQUESTS, SecondPerson
from authz.store import parked
from crypto.aead import Seal
from crypto.errors import SealInvalid
from storage import witness
from tests.acts import an_act
from tests.authz.test_park import HOST, put
from tests.authz.test_races import connect_all
from tests.idp.people import CityWithPeople, city_with_people

ASKED = ApprovalRequest(
    department="civil", object="/console/x", action="key:rotate", approve_action="key:approve", label=Label.L3
)


@pytest.fixture
def city(database_url: str) -> Iterator[CityWithPeople]:
    with city_with_people(database_url) as made:
        connect_all(made.database, database_url)
        yield made


@pytest.fixture
def parking(city: CityWithPeople) -> Parking:
    return Parking(city.database, Seal(b"p" * 32), clock=city.clock)


@pytest.fixture
def second(parking: Parking) -> SecondPerson:
    return SecondPerson(parking)


def wait(parking: Parking, number: int = 0, **changes: object) -> str:
    """A request that waits; another number is another request."""
    return put(parking, missing=Missing.APPROVER, approval_request=ASKED, body=b"%d" % number, **changes)


def take(parking: Parking, number: str) -> bytes:
    return parking.take(number, host=HOST, act=an_act("user:li", record="01T")).body


def approve(second: SecondPerson, number: str, by: str = "user:wang") -> bool:
    try:
        return second.approve(number, an_act(by, record="01A")).approver == by
    except AlreadyDecided:
        return False


def test_it_is_given_back_once_and_only_when_it_was_approved(parking: Parking, second: SecondPerson) -> None:
    number = wait(parking, 7)
    with pytest.raises(NotApproved):
        take(parking, number)
    assert approve(second, number)
    assert take(parking, number) == b"7"
    with pytest.raises(ParkedUnknown):
        take(parking, number)


def test_of_many_approvals_and_rejections_at_once_one_counts(
    city: CityWithPeople, parking: Parking, second: SecondPerson
) -> None:
    def decide(at: int) -> str:
        try:
            if at % 2:
                return second.approve(number, an_act(f"user:{at}", record=f"01A{at}")).decided_by
            return second.reject(number, an_act(f"user:{at}", record=f"01A{at}"), reason="no").decided_by
        except AlreadyDecided:
            return ""

    for round_ in range(3):
        number = wait(parking, round_)
        with ThreadPoolExecutor(10) as threads:
            won = [who for who in threads.map(decide, range(10)) if who]
        assert len(won) == 1
        assert second.find(number).decided_by == won[0]


def test_of_many_who_take_it_at_once_one_gets_it(parking: Parking, second: SecondPerson) -> None:
    number = wait(parking)
    approve(second, number)

    def one(_: int) -> bool:
        try:
            return bool(take(parking, number))
        except ParkedUnknown:
            return False

    with ThreadPoolExecutor(10) as threads:
        assert sum(threads.map(one, range(10))) == 1


def test_nobody_decides_on_his_own(parking: Parking, second: SecondPerson) -> None:
    number = wait(parking)
    with pytest.raises(OwnRequest):
        second.approve(number, an_act("user:li", record="01A"))
    with pytest.raises(OwnRequest):
        second.reject(number, an_act("user:li", record="01A"), reason="no")
    assert second.find(number).verdict == ""


def test_a_rejected_one_stays_rejected(parking: Parking, second: SecondPerson) -> None:
    number = wait(parking)
    second.reject(number, an_act("user:wang", record="01A"), reason="not now")
    assert not approve(second, number)
    with pytest.raises(NotApproved):
        take(parking, number)
    assert second.find(number).reason == "not now"


def test_after_three_days_it_is_unknown_to_everybody(
    city: CityWithPeople, parking: Parking, second: SecondPerson
) -> None:
    number = wait(parking)
    city.clock.add(hours=71, minutes=59)
    assert [one.id for one in second.list_waiting(besides="user:wang")] == [number]
    city.clock.add(minutes=1)
    assert second.list_waiting(besides="user:wang") == []
    for attempt in (lambda: approve(second, number), lambda: second.find(number), lambda: take(parking, number)):
        with pytest.raises(ParkedUnknown):
            attempt()
    assert (parking.sweep(), city.rows(parked)) == (1, [])


def test_what_misses_something_else_is_nobodys_to_decide(parking: Parking, second: SecondPerson) -> None:
    number = put(parking)
    assert second.list_waiting(besides="user:wang") == []
    with pytest.raises(ParkedUnknown):
        approve(second, number)


def test_the_lists_go_on_by_key_and_leave_out_ones_own(parking: Parking, second: SecondPerson) -> None:
    others = [wait(parking, n, subject=f"user:{n % 5}") for n in range(PAGE_REQUESTS + 5)]
    wait(parking, subject="user:wang")
    first = second.list_waiting(besides="user:wang")
    rest = second.list_waiting(besides="user:wang", after=first[-1].id)
    assert [one.id for one in (*first, *rest)] == sorted(others)
    mine = second.list_asked_by("user:3")
    assert [one.id for one in mine] == sorted((n for n in others[3::5]), reverse=True)
    approve(second, mine[0].id)
    assert [one.id for one in second.list_decided_by("user:wang")] == [mine[0].id]
    assert second.list_asked_by("user:3", before=mine[0].id) == mine[1:]


def test_a_second_click_is_the_same_request_until_somebody_decided(parking: Parking, second: SecondPerson) -> None:
    number = wait(parking)
    assert wait(parking) == number
    assert wait(parking, subject="user:wang") != number
    approve(second, number)
    assert wait(parking) != number


def test_what_waits_is_bounded_and_takes_no_room_from_what_lacks_a_factor(parking: Parking) -> None:
    for n in range(WAITING_PER_SUBJECT):
        wait(parking, n)
    with pytest.raises(ParkFull):
        wait(parking, WAITING_PER_SUBJECT)
    for _ in range(PER_SUBJECT):
        put(parking)
    with pytest.raises(ParkFull):
        put(parking)


@pytest.mark.parametrize(
    "change", [{"decided_by": "user:zhao"}, {"decide_record": "01X"}, {"approval": b""}, {"digest": "0" * 64}]
)
def test_an_approval_changed_in_the_table_is_none(
    city: CityWithPeople, parking: Parking, second: SecondPerson, change: dict[str, object]
) -> None:
    number = wait(parking)
    approve(second, number)
    with city.database.transaction() as connection:
        connection.execute(sa.update(parked).values(change))
    with pytest.raises(SealInvalid):
        take(parking, number)


def test_one_that_was_changed_hides_no_other_and_shows_nothing(
    city: CityWithPeople, parking: Parking, second: SecondPerson
) -> None:
    broken, whole = wait(parking, 1), wait(parking, 2)
    with city.database.transaction() as connection:
        connection.execute(sa.update(parked).values(sealed=b"x" * 40).where(parked.c.id == broken))
    shown = {one.id: one.target for one in second.list_waiting(besides="user:wang")}
    assert shown == {broken: "", whole: "/applications?canary-target=1"}


def test_each_step_witnesses_the_row_as_it_is_read_afterwards(
    city: CityWithPeople, parking: Parking, second: SecondPerson
) -> None:
    def read() -> dict[str, str]:
        with city.database.reading() as connection:
            return {one.key: one.digest for one in witness.rows(connection) if one.table == "parked"}

    put(parking)  # what lacks a factor is no row of reconciliation's
    request = {"subject": "user:li", "host": HOST, "method": "POST", "target": "/x", "headers": (), "body": b"x"}
    slip = parking.park(**request, missing=Missing.APPROVER, approval_request=ASKED, record="01JASKED")
    kept = {slip.row: slip.digest}
    assert read() == kept
    second.approve(slip.id, approval := an_act("user:wang", record="01A"))
    assert read() == approval.notes
    parking.take(slip.id, host=HOST, act=(sending := an_act("user:li", record="01T")))
    assert read() == sending.notes != approval.notes != kept
