"""Flows: written and in force together or not at all, until they expire, on either database and data plane."""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from infra import store
from infra.data_plane import Deviation
from infra.errors import DataPlaneRefused, DataPlaneUnavailable, FlowExists, FlowUnknown, ZoneUnknown
from infra.namespaces import NamespacePlane
from infra.nftables import RuleModel
from infra.simulated_plane import SimulatedPlane
from infra.zone import Way
from tests.acts import an_act
from tests.infra.city_with_machines import CityWithMachines, city_with_machines

HTTPS = Way("core", "extranet", "tcp", 443)


@pytest.fixture(params=["simulated", "namespaces"])
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CityWithMachines]:
    plane = request.getfixturevalue("namespaces") if request.param == "namespaces" else None
    with city_with_machines(f"sqlite:///{tmp_path / 'city.db'}", tmp_path, plane=plane) as ready:
        ready.zones.keep()
        yield ready


def test_a_flow_passes_from_when_it_is_opened_until_it_is_closed(both: CityWithMachines) -> None:
    assert not both.zones.test(HTTPS).passes
    opened = both.open(HTTPS)
    answer = both.zones.test(HTTPS)
    assert (answer.passes, answer.agrees, answer.flow) == (True, True, opened)
    assert not both.zones.test(Way("extranet", "core", "tcp", 443)).passes
    both.zones.close(HTTPS, an_act("user:zheng", record="01CLOSE"))
    answer = both.zones.test(HTTPS)
    assert (answer.passes, answer.agrees, answer.flow) == (False, True, None)
    assert list(both.zones.drift()) == []


def test_a_flow_that_ran_out_is_closed_by_the_job(both: CityWithMachines) -> None:
    both.open(HTTPS)
    assert both.zones.keep() == []
    both.city.clock.add(days=1)
    answer = both.zones.test(HTTPS)
    assert (answer.passes, answer.flow, answer.agrees) == (True, None, False)  # until the job comes, honestly
    assert both.zones.keep() != []
    assert not both.zones.test(HTTPS).passes
    assert both.zones.flows() == []
    assert both.zones.keep() == []


def test_a_data_plane_that_lost_everything_is_filled_again(both: CityWithMachines) -> None:
    both.open(HTTPS)
    if isinstance(both.plane, NamespacePlane):
        both.plane.remove()
    else:
        both.plane._path.unlink()
    assert both.zones.drift()
    both.zones.keep()
    assert both.zones.test(HTTPS).passes
    assert list(both.zones.drift()) == []


def test_the_row_names_who_opened_approved_and_closed_it_and_under_which_records(infra_city: CityWithMachines) -> None:
    infra_city.open(HTTPS)
    infra_city.zones.close(HTTPS, an_act("user:feng", record="01CLOSE"))
    (row,) = infra_city.rows(store.flow)
    assert (row["opened_by"], row["approved_by"], row["record"]) == ("user:zheng", "user:feng", "01OPEN")
    assert (row["closed_by"], row["close_record"]) == ("user:feng", "01CLOSE")


def test_the_same_flow_is_open_once_and_again_after_it_ran_out(infra_city: CityWithMachines) -> None:
    infra_city.open(HTTPS)
    with pytest.raises(FlowExists):
        infra_city.open(HTTPS)
    infra_city.city.clock.add(days=2)
    assert infra_city.open(HTTPS)
    assert len(infra_city.zones.flows()) == 1


def test_of_ten_at_once_who_open_the_same_one_does_and_all_that_is_open_is_in_force(
    infra_city: CityWithMachines,
) -> None:
    def one(number: int) -> bool:
        try:
            infra_city.open(HTTPS)
        except FlowExists:
            infra_city.open(Way("core", "extranet", "tcp", 1000 + number))
            return False
        return True

    with ThreadPoolExecutor(10) as threads:
        assert sum(threads.map(one, range(10))) == 1
    assert len(infra_city.zones.flows()) == 10
    assert list(infra_city.zones.drift()) == []


def test_what_is_not_there_is_unknown(infra_city: CityWithMachines) -> None:
    with pytest.raises(ZoneUnknown):
        infra_city.open(Way("core", "elsewhere", "tcp", 443))
    with pytest.raises(FlowUnknown):
        infra_city.zones.close(HTTPS, an_act("user:zheng", record="01CLOSE"))


class Refusing(SimulatedPlane):
    refuses = False

    def apply(self, model) -> None:
        if self.refuses:
            raise DataPlaneRefused
        super().apply(model)


def test_rules_the_data_plane_refuses_leave_no_row_and_the_old_rules(tmp_path: Path) -> None:
    plane = Refusing(tmp_path / "zones.json")
    with city_with_machines(f"sqlite:///{tmp_path / 'city.db'}", tmp_path, plane=plane) as infra_city:
        infra_city.open(HTTPS)
        plane.refuses = True
        with pytest.raises(DataPlaneRefused):
            infra_city.open(Way("internet", "core", "tcp", 22))
        act = an_act(record="01CLOSE")
        with pytest.raises(DataPlaneRefused):
            infra_city.zones.close(HTTPS, act)
        assert act.notes == {}  # what was rolled back is no witness
        assert [row["port"] for row in infra_city.zones.flows()] == [443]
        assert infra_city.zones.test(HTTPS).agrees
        assert list(infra_city.zones.drift()) == []


class Slow(SimulatedPlane):
    """While it answers, somebody else writes."""

    beside: Callable[[], None]

    def digest(self) -> str:
        self.beside()
        return super().digest()

    def test(self, *way: Any) -> bool:
        self.beside()
        return super().test(*way)

    def drift(self, model: RuleModel) -> Sequence[Deviation]:
        self.beside()
        return super().drift(model)


def test_a_look_at_the_data_plane_keeps_no_writer_waiting(tmp_path: Path) -> None:
    plane = Slow(tmp_path / "zones.json")
    with city_with_machines(f"sqlite:///{tmp_path / 'city.db'}", tmp_path, plane=plane) as infra_city:
        plane.beside = lambda: None
        infra_city.open(HTTPS)
        written = []

        def write() -> None:
            with infra_city.city.database.transaction():
                written.append("row")

        plane.beside = write
        assert list(infra_city.zones.drift()) == []
        assert infra_city.zones.keep() == []
        assert infra_city.zones.test(HTTPS).agrees
        assert written == ["row"] * 3


def test_a_disk_that_takes_nothing_leaves_the_old_rules(tmp_path: Path) -> None:
    """The simulated plane's own folder is gone, as when a disk fails."""
    with city_with_machines(
        f"sqlite:///{tmp_path / 'city.db'}", tmp_path, plane=SimulatedPlane(tmp_path / "rules/zones.json")
    ) as infra_city:
        infra_city.open(HTTPS)
        kept = (tmp_path / "rules/zones.json").read_bytes()
        (tmp_path / "rules/zones.json").unlink()
        (tmp_path / "rules").rmdir()
        (tmp_path / "rules").write_bytes(b"not a folder")
        with pytest.raises((DataPlaneRefused, DataPlaneUnavailable)):
            infra_city.open(Way("internet", "core", "tcp", 22))
        (tmp_path / "rules").unlink()
        (tmp_path / "rules").mkdir()
        (tmp_path / "rules/zones.json").write_bytes(kept)
        assert [row["port"] for row in infra_city.zones.flows()] == [443]
        assert list(infra_city.zones.drift()) == []


def test_a_rule_opened_by_hand_is_named_and_goes_with_the_next_change(small: CityWithMachines) -> None:
    small.open(HTTPS)
    path = small.plane._path
    told = json.loads(path.read_text())
    told["passages"].append(["zn-internet", "zn-core", "tcp", 22, "by-hand"])
    path.write_text(json.dumps(told))
    (found,) = small.zones.drift()
    assert (found.where, found.found, found.wanted) == ("flows", "zn-internet . zn-core . tcp . 22 : by-hand", "")
    answer = small.zones.test(Way("internet", "core", "tcp", 22))
    assert (answer.passes, answer.agrees) == (True, False)
    assert small.zones.keep() == []  # it stays to be seen
    _, mended = small.zones.close(HTTPS, an_act("user:zheng", record="01CLOSE"))
    assert mended == [found]
    assert not small.zones.test(Way("internet", "core", "tcp", 22)).passes


@pytest.mark.parametrize("text", ["", "{", "[]", '{"passages": [[1]]}', '{"homes": 3}', "\0"])
def test_a_file_that_cannot_be_read_is_not_taken_for_no_rules(small: CityWithMachines, text: str) -> None:
    small.open(HTTPS)
    small.plane._path.write_text(text)
    with pytest.raises(DataPlaneUnavailable):
        small.zones.test(HTTPS)


def test_a_row_that_was_written_past_the_door_and_means_two_things_is_refused_whole(small: CityWithMachines) -> None:
    small.open(HTTPS)
    with small.city.database.transaction() as connection:
        connection.execute(sa.text("UPDATE zone SET interface = 'a\" }; flush' WHERE id = 'core'"))
    with pytest.raises((DataPlaneRefused, ValueError)):
        small.zones.keep()
