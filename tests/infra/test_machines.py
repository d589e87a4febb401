"""Machines: quota, host and row in one step, whoever races; and nothing is lost or doubled when a process dies."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from authz.store import system
from infra import store
from infra.errors import (
    MachineNameTaken,
    MachineUnknown,
    NoHost,
    QuotaConflict,
    QuotaExceeded,
    ZoneTooLow,
)
from infra.machines import DELETED, RUNNING, STOPPED
from infra.quota import Size
from infra.statement import statement
from tests.authz.test_races import connect_all
from tests.infra.city_with_machines import CIVIL, QUOTAS, CityWithMachines, change, request

ROOT = Path(__file__).parents[2]


def test_a_machine_is_placed_runs_and_its_row_names_its_record(infra_city: CityWithMachines) -> None:
    made = request(infra_city)
    assert (made.state, made.wanted, made.host) == (RUNNING, RUNNING, "core-1")
    assert (made.record, made.requested_by, made.approved_by) == ("01REQUEST", "user:sun", "user:zhou")
    assert infra_city.hypervisor.list()[made.id].host == "core-1"
    assert [(row["state"], row["record"]) for row in infra_city.rows(store.machine_change)] == [
        ("placing", "01REQUEST"), ("running", "01REQUEST"),
    ]  # fmt: skip


def test_it_is_stopped_started_and_deleted_and_then_unknown(infra_city: CityWithMachines) -> None:
    made = request(infra_city)
    for wanted in (STOPPED, RUNNING, DELETED):
        assert change(infra_city, made, wanted).state == wanted
    assert infra_city.hypervisor.list() == {}
    with pytest.raises(MachineUnknown):
        change(infra_city, made, RUNNING)
    assert infra_city.machines.list_existing() == []
    assert infra_city.quotas.tree().room("civil") == QUOTAS["civil"]


def test_another_departments_machine_is_unknown(infra_city: CityWithMachines) -> None:
    made = request(infra_city)
    with pytest.raises(MachineUnknown):
        infra_city.machines.change(made.id, DELETED, infra_city.act("01CHANGE"), inside=frozenset({"housing"}))
    assert infra_city.machines.read(made.id).state == RUNNING


def test_a_name_is_one_machines_until_it_is_deleted(infra_city: CityWithMachines) -> None:
    made = request(infra_city)
    with pytest.raises(MachineNameTaken):
        request(infra_city)
    change(infra_city, made, DELETED)
    assert request(infra_city).id != made.id


def test_over_quota_tells_what_is_short_and_leaves_nothing(infra_city: CityWithMachines) -> None:
    request(infra_city, size=Size(6, 1, 1))
    with pytest.raises(QuotaExceeded) as refused:
        request(infra_city, "db", Size(4, 1, 1))
    (short,) = refused.value.shortages
    assert (short.resource, short.asked, short.left, short.quota) == ("cpu", 4, 2, 8)
    assert len(infra_city.rows(store.machine)) == 1
    assert len(infra_city.hypervisor.list()) == 1


def test_where_no_host_has_room_it_is_told_how_much_there_is(infra_city: CityWithMachines) -> None:
    request(infra_city, "a", Size(12, 1, 1), "housing")
    request(infra_city, "b", Size(12, 1, 1), "housing")
    with pytest.raises(NoHost) as refused:
        request(infra_city, "c", Size(8, 1, 1), "civil")
    assert refused.value.lacking["cpu"] == 4
    assert len(infra_city.rows(store.machine)) == 2


def test_of_fifty_at_once_for_the_last_of_a_quota_one_wins(infra_city: CityWithMachines) -> None:
    connect_all(infra_city.city.database, infra_city.city.url)
    request(infra_city, "first", Size(7, 1, 1))

    def one(number: int) -> str:
        try:
            return request(infra_city, f"vm-{number}", Size(1, 1, 1)).id
        except QuotaExceeded:
            return ""

    with ThreadPoolExecutor(10) as threads:
        won = [identifier for identifier in threads.map(one, range(50)) if identifier]
    assert len(won) == 1
    assert len(infra_city.machines.list_existing()) == len(infra_city.hypervisor.list()) == 2
    assert infra_city.quotas.tree().room("civil").cpu == 0


def test_of_fifty_departments_at_once_for_the_last_room_of_the_hosts_none_overfills_them(
    infra_city: CityWithMachines,
) -> None:
    connect_all(infra_city.city.database, infra_city.city.url)

    def one(number: int) -> str:
        department = ("civil", "housing", "city")[number % 3]
        try:
            return request(infra_city, f"vm-{number}", Size(1, 5, 1), department).id
        except (QuotaExceeded, NoHost):
            return ""

    with ThreadPoolExecutor(10) as threads:
        won = [identifier for identifier in threads.map(one, range(50)) if identifier]
    taken = {"core-1": 0, "core-2": 0}
    for machine in infra_city.machines.list_existing():
        taken[machine.host] += machine.memory_gib
    assert max(taken.values()) <= 32
    tree = infra_city.quotas.tree()
    assert min(tree.room("civil")) >= 0
    assert min(tree.room("city")) >= 0
    assert len(won) == 12  # 3 of civil's 16 GiB, 9 of the 48 that the city keeps


def test_a_quota_is_set_out_of_what_the_one_above_has_left(infra_city: CityWithMachines) -> None:
    request(infra_city, size=Size(3, 1, 1))
    assert infra_city.quotas.set("housing", Size(24, 48, 800), infra_city.act("01SET")).quotas["housing"].cpu == 24
    with pytest.raises(QuotaConflict):
        infra_city.quotas.set("civil", Size(9, 16, 200), infra_city.act("01SET"))
    with pytest.raises(QuotaConflict):
        infra_city.quotas.set("civil", Size(2, 16, 200), infra_city.act("01SET"))
    assert infra_city.quotas.set("civil", Size(3, 16, 200), infra_city.act("01SET")).room("civil").cpu == 0
    assert {row["department"]: row["record"] for row in infra_city.rows(store.quota)}["civil"] == "01SET"


def test_of_two_children_who_ask_for_the_rest_of_a_parents_quota_at_once_one_gets_it(
    infra_city: CityWithMachines,
) -> None:
    connect_all(infra_city.city.database, infra_city.city.url)

    def one(department: str) -> bool:
        try:
            infra_city.quotas.set(department, Size(24, 1, 1), infra_city.act("01SET"))
        except QuotaConflict:
            return False
        return True

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(one, ("housing", "civil"))) == [False, True]


def test_what_was_graded_above_its_zone_while_it_stood_still_starts_no_more(infra_city: CityWithMachines) -> None:
    made = request(infra_city)
    change(infra_city, made, STOPPED)
    with infra_city.city.database.transaction() as connection:
        connection.execute(sa.update(system).where(system.c.id == made.system).values(label=5))
    with pytest.raises(ZoneTooLow):
        change(infra_city, made, RUNNING)
    assert infra_city.machines.read(made.id).state == infra_city.machines.read(made.id).wanted == STOPPED
    assert change(infra_city, made, DELETED).state == DELETED


def test_a_month_is_told_per_machine_and_deleting_stops_the_meter(infra_city: CityWithMachines) -> None:
    made = request(infra_city, size=Size(4, 8, 50))
    infra_city.city.clock.add(hours=2)
    change(infra_city, made, STOPPED)
    infra_city.city.clock.add(hours=1)
    change(infra_city, made, DELETED)
    infra_city.city.clock.add(hours=5)
    cost = statement(infra_city.city.database, CIVIL, "2026-03", now=infra_city.city.clock())
    assert (cost["closed"], len(cost["items"])) == (False, 1)
    assert cost["total"] == {
        "running_seconds": 7200, "cpu_seconds": 4 * 7200, "memory_gib_seconds": 8 * 7200, "disk_gib_seconds": 50 * 10800,
    }  # fmt: skip
    infra_city.city.clock.add(days=60)
    later = statement(infra_city.city.database, CIVIL, "2026-03", now=infra_city.city.clock())
    assert (later["closed"], later["total"]) == (True, cost["total"])
    assert (
        statement(infra_city.city.database, frozenset({"housing"}), "2026-03", now=infra_city.city.clock())["items"]
        == []
    )


def test_a_month_counts_every_machine_however_many_were_deleted_before(infra_city: CityWithMachines) -> None:
    old = request(infra_city)
    change(infra_city, old, DELETED)
    (row,), before = infra_city.rows(store.machine), infra_city.rows(store.machine_change)
    copies = [f"00{number:06d}" for number in range(1500)]
    changes = [one | {"id": f"{at}{copy}", "machine": copy} for copy in copies for at, one in enumerate(before)]
    with infra_city.city.database.transaction() as connection:
        connection.execute(sa.insert(store.machine), [row | {"id": copy, "name": f"x{copy}"} for copy in copies])
        connection.execute(sa.insert(store.machine_change), changes)
    infra_city.city.clock.add(days=60)
    made = request(infra_city)
    infra_city.city.clock.add(hours=1)
    cost = statement(infra_city.city.database, CIVIL, f"{infra_city.city.clock():%Y-%m}", now=infra_city.city.clock())
    assert [item["machine"] for item in cost["items"]] == [made.id]
    assert cost["total"]["running_seconds"] == 3600


def test_what_the_schema_forbids_no_code_can_write(infra_city: CityWithMachines) -> None:
    for table, values in (
        (store.quota, {"department": "housing", "cpu": -1, "memory_gib": 1, "disk_gib": 1, "record": "01"}),
        (store.machine, {"id": "01X", "name": "x", "cpu": 0}),
    ):
        with pytest.raises(sa.exc.IntegrityError), infra_city.city.database.transaction() as connection:
            connection.execute(sa.insert(table).values(values))
