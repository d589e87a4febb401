"""From changes to the next snapshot: what changed is read, what was ended is known, and the rest is shared."""

from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa

from authz import store
from authz.errors import PolicyInvalid
from authz.snapshot import REVOKED_SECONDS, Snapshots
from storage.epoch import EpochAnswer, EpochChange, MemoryEpochs
from storage.shared_epoch import PostgresEpochs
from tests.authz.city_with_roles import NOW, CityWithRoles, city_with_roles


class Gateway:
    """What one gateway loads, on a monotonic clock set by hand, and what it was told of ended sessions."""

    def __init__(self, city_roles: CityWithRoles) -> None:
        self.city_roles, self.now = city_roles, 0.0
        self.told: list[tuple[str, int]] = []
        self.in_database: list[str] = []
        self.snapshots = Snapshots(
            city_roles.register,
            monotonic=lambda: self.now,
            report_ended=lambda keys, epoch: self.told.extend((key, epoch) for key in keys),
            list_ended_within=lambda _: self.in_database,
        )
        self.held = self.snapshots.first(0)

    def load(self, *changes: tuple[str, str], everything: bool = False) -> None:
        epoch = self.held.epoch + 1
        told = None if everything else tuple(EpochChange(epoch=epoch, kind=kind, key=key) for kind, key in changes)
        self.held = self.snapshots.load(self.held, EpochAnswer(epoch=epoch, changes=told))

    def roles(self, subject: str = "user:li") -> list[str]:
        return [one.role for one in self.held.policies.assignments_of(subject)]


@pytest.fixture
def gateway(database_url: str) -> Iterator[Gateway]:
    with city_with_roles(database_url) as city_roles:
        city_roles.mandate()
        yield Gateway(city_roles)


def test_a_subjects_change_is_read_and_nobody_elses(gateway: Gateway) -> None:
    mine = gateway.city_roles.give()
    gateway.city_roles.give("user:wang")
    gateway.load(("subject", "user:li"))
    assert (gateway.roles(), gateway.roles("user:wang")) == (["clerk"], [])
    gateway.city_roles.take(mine)
    gateway.load(("subject", "user:li"), ("subject", "user:wang"))
    assert (gateway.roles(), gateway.roles("user:wang")) == ([], ["clerk"])
    assert gateway.held.policies.version == gateway.held.epoch == 2


def test_an_ended_session_is_revoked_and_its_streams_are_told(gateway: Gateway) -> None:
    policies = gateway.held.policies.rules
    gateway.load(("session", "s1"), ("session", "s2"))
    assert gateway.held.revoked == {"s1", "s2"}
    assert gateway.told == [("s1", 1), ("s2", 1)]
    assert gateway.held.policies.rules is policies


def test_the_revoked_are_remembered_longer_than_any_grace_and_no_longer(gateway: Gateway) -> None:
    for number in range(800):
        gateway.load(("session", f"s{number}"))
        gateway.now += 1
        assert len(gateway.held.revoked) <= REVOKED_SECONDS
    gateway.now += REVOKED_SECONDS
    gateway.load()
    assert gateway.held.revoked == frozenset()


def test_when_the_changes_are_no_longer_known_the_database_says_which_sessions_ended(gateway: Gateway) -> None:
    gateway.city_roles.give()
    gateway.load(("session", "s1"), ("subject", "user:li"))
    gateway.in_database = ["s2", "s3"]
    gateway.load(everything=True)
    assert gateway.held.revoked == {"s1", "s2", "s3"}
    assert gateway.told == [("s1", 1), ("user:li", 1), ("s2", 2), ("s3", 2), ("user:li", 2)]
    assert gateway.roles() == ["clerk"]


def test_a_policy_change_reads_everything(gateway: Gateway) -> None:
    gateway.city_roles.give()
    gateway.city_roles.insert(
        store.rule, id="r1", subject="clerk", department="*", object="/a", action="read", effect="permit", record="01J"
    )
    gateway.load(("policy", ""))
    assert "r1" in gateway.held.policies.rules
    assert gateway.roles() == ["clerk"]


@pytest.mark.parametrize("change", [("policy", ""), ("subject", "user:li")])
def test_a_bad_row_is_refused_whole_and_what_is_held_stays(gateway: Gateway, change: tuple[str, str]) -> None:
    gateway.city_roles.give()
    held = gateway.held
    with gateway.city_roles.city.database.transaction() as connection:
        connection.execute(store.assignment.update().values(clearance=9))
    with pytest.raises(PolicyInvalid):
        gateway.load(change)
    assert gateway.held is held
    with gateway.city_roles.city.database.transaction() as connection:
        connection.execute(store.assignment.update().values(clearance=2))
    gateway.load(change)
    assert gateway.roles() == ["clerk"]


def test_a_sessions_end_is_not_lost_with_a_bad_row_in_the_same_step(gateway: Gateway) -> None:
    gateway.city_roles.give()
    with gateway.city_roles.city.database.transaction() as connection:
        connection.execute(store.assignment.update().values(clearance=9))
    with pytest.raises(PolicyInvalid):
        gateway.load(("subject", "user:li"), ("session", "s1"))
    with gateway.city_roles.city.database.transaction() as connection:
        connection.execute(store.assignment.update().values(clearance=2))
    gateway.load(("subject", "user:li"), ("session", "s1"))  # the question is asked again: nothing was confirmed
    assert gateway.held.revoked == {"s1"}


def test_a_feed_that_overran_says_so_and_loses_no_end(gateway: Gateway) -> None:
    database = gateway.city_roles.city.database
    postgres = gateway.city_roles.city.url.startswith("postgresql")
    epochs = (
        PostgresEpochs(database, monotonic=lambda: 0.0, keep_changes=4)
        if postgres
        else MemoryEpochs(monotonic=lambda: 0.0, keep_changes=4)
    )
    for number in range(6):
        with database.transaction() as connection:
            epochs.bump(connection, [("session", f"s{number}")])
    answer = epochs.ask("gateway", holds=0)
    assert answer.changes is None
    gateway.in_database = [f"s{number}" for number in range(6)]
    assert gateway.snapshots.load(gateway.held, answer).revoked == set(gateway.in_database)


def test_a_revocation_among_a_hundred_thousand_reads_the_rows_of_one_person(gateway: Gateway) -> None:
    values = {
        "role": "clerk",
        "department": "civil",
        "clearance": 2,
        "reason": "",
        "given_by": "a",
        "given_at": NOW,
        "record": "r",
    }
    with gateway.city_roles.city.database.transaction() as connection:
        rows = [{"id": f"a{number}", "subject": f"user:{number}", **values} for number in range(100_000)]
        connection.execute(sa.insert(store.assignment), rows)
    gateway.load(everything=True)
    assert len(gateway.held.policies.subjects()) == 100_000
    if gateway.city_roles.city.url.startswith("postgresql"):
        with gateway.city_roles.city.database.transaction() as connection:
            connection.exec_driver_sql("ANALYZE assignment")
            plan = "EXPLAIN SELECT * FROM assignment WHERE subject = 'user:7' AND revoked_at IS NULL"
            assert "Index Scan using assignment_subject" in connection.exec_driver_sql(plan).scalars().first()
        return
    work = steps_of(gateway)
    gateway.load(("subject", "user:7"))
    assert gateway.roles("user:7") == ["clerk"]
    one = work()
    gateway.load(everything=True)
    assert one * 1000 < work()


def steps_of(gateway: Gateway) -> Callable[[], int]:
    """SQLite's work from here on, in tens of its virtual machine's instructions."""
    counted = [1]

    def step() -> int:
        counted[0] += 1
        return 0

    with gateway.city_roles.city.database.transaction() as connection:
        connection.connection.driver_connection.set_progress_handler(step, 10)
    return lambda: counted[0]
