"""The hypervisor's contract: every driver passes it. A new one is one more line in `_DRIVERS`."""

from collections.abc import Callable
from pathlib import Path

import pytest

from infra.errors import HypervisorRefused, HypervisorUnavailable
from infra.hypervisor import HostedMachine, Hypervisor, Spec
from infra.quota import Size
from infra.simulated_hypervisor import SimulatedHypervisor

_DRIVERS: dict[str, Callable[[Path], Hypervisor]] = {
    "simulated": lambda place: SimulatedHypervisor(place / "hypervisor.db"),
}
SPEC = Spec(id="01A", host="core-1", interface="zn-core", size=Size(2, 4, 10))


@pytest.fixture(params=_DRIVERS)
def driver(request: pytest.FixtureRequest, tmp_path: Path) -> Hypervisor:
    return _DRIVERS[request.param](tmp_path)


def test_a_machine_is_made_stopped_runs_stops_and_goes(driver: Hypervisor) -> None:
    assert driver.state("01A") is None
    driver.create(SPEC)
    assert driver.state("01A") == "stopped"
    driver.start("01A")
    assert driver.list() == {"01A": HostedMachine(host="core-1", state="running")}
    driver.stop("01A")
    assert driver.state("01A") == "stopped"
    driver.delete("01A")
    assert driver.state("01A") is None
    assert driver.list() == {}


def test_whatever_is_asked_twice_is_done_once(driver: Hypervisor) -> None:
    for _ in range(2):
        driver.create(SPEC)
    assert list(driver.list()) == ["01A"]
    for act, state in ((driver.start, "running"), (driver.stop, "stopped"), (driver.delete, None)):
        for _ in range(2):
            act("01A")
        assert driver.state("01A") == state


def test_making_it_again_does_not_stop_what_runs(driver: Hypervisor) -> None:
    driver.create(SPEC)
    driver.start("01A")
    driver.create(SPEC)
    assert driver.state("01A") == "running"


def test_another_machine_under_the_same_id_is_refused(driver: Hypervisor) -> None:
    driver.create(SPEC)
    with pytest.raises(HypervisorRefused):
        driver.create(Spec(id="01A", host="core-2", interface="zn-core", size=SPEC.size))
    assert driver.list()["01A"].host == "core-1"


def test_what_is_not_there_cannot_be_started_or_stopped(driver: Hypervisor) -> None:
    for act in (driver.start, driver.stop):
        with pytest.raises(HypervisorRefused):
            act("01A")


def test_a_running_machine_can_be_destroyed(driver: Hypervisor) -> None:
    driver.create(SPEC)
    driver.start("01A")
    driver.delete("01A")
    assert driver.state("01A") is None


def test_what_was_done_is_still_so_for_another_process(tmp_path: Path) -> None:
    SimulatedHypervisor(tmp_path / "one.db").create(SPEC)
    assert SimulatedHypervisor(tmp_path / "one.db").state("01A") == "stopped"


def test_a_file_that_cannot_be_used_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "hypervisor.db").mkdir()
    with pytest.raises(HypervisorUnavailable):
        SimulatedHypervisor(tmp_path / "hypervisor.db").list()
    (tmp_path / "torn.db").write_bytes(b"no database" * 99)
    with pytest.raises(HypervisorUnavailable):
        SimulatedHypervisor(tmp_path / "torn.db").create(SPEC)
