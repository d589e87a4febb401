"""Machines whose process dies, or whose hypervisor is away, says no, or was used past the door."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from infra import store
from infra.errors import (
    HypervisorRefused,
    HypervisorUnavailable,
    MachineBusy,
)
from infra.hypervisor import Spec
from infra.machines import DELETED, RUNNING, STOPPED
from infra.quota import Size
from infra.simulated_hypervisor import SimulatedHypervisor
from tests.infra.city_with_machines import QUOTAS, CityWithMachines, change, city_with_machines, request
from tests.infra.dying_machine_request import STEPS

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("step", STEPS)
def test_a_process_killed_on_the_way_loses_and_doubles_nothing(
    infra_city: CityWithMachines, tmp_path: Path, step: str
) -> None:
    """fault: kill -9 between the steps of placing, starting, stopping or deleting a machine — the job finishes it; it is there once, and counted once."""
    command = [sys.executable, "-m", "tests.infra.dying_machine_request", infra_city.city.url, str(tmp_path), step]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stderr
    (cut_off,) = [row["id"] for row in infra_city.rows(store.machine)]
    assert infra_city.machines.read(cut_off).wanted != infra_city.machines.read(cut_off).state
    assert infra_city.machines.reconcile(infra_city.act("01JOB")) == 1
    wanted = STOPPED if "stop" in step else DELETED if "delete" in step else RUNNING
    one = infra_city.machines.read(cut_off)
    assert (one.state, one.wanted, one.change_record) == (wanted, wanted, "01JOB")
    there = infra_city.hypervisor.list()
    assert {key: found.host for key, found in there.items()} == ({} if wanted == DELETED else {cut_off: one.host})
    assert infra_city.hypervisor.state(cut_off) == (None if wanted == DELETED else wanted)
    states = [row["state"] for row in sorted(infra_city.rows(store.machine_change), key=lambda row: row["at"])]
    assert len(states) == len(set(states))  # each state was entered once
    assert infra_city.machines.reconcile(infra_city.act("01JOB")) == 0
    assert list(infra_city.machines.strays()) == []


class Refusing(SimulatedHypervisor):
    """A hypervisor that can be told to say no."""

    refuses = False

    def create(self, spec: Spec) -> None:
        self._may()
        super().create(spec)

    def stop(self, machine: str) -> None:
        self._may()
        super().stop(machine)

    def _may(self) -> None:
        if self.refuses:
            raise HypervisorRefused


def test_a_hypervisor_that_is_away_leaves_it_placing_and_the_job_finishes_it(tmp_path: Path) -> None:
    """fault: the hypervisor is away while a machine is placed — it stays `placing` and nobody else changes it; the job finishes it when the hypervisor is back."""
    (tmp_path / "hypervisor.db").mkdir()  # where its file should be
    with city_with_machines(f"sqlite:///{tmp_path / 'city.db'}", tmp_path) as infra_city:
        made = request(infra_city)
        assert (made.state, made.wanted) == ("placing", RUNNING)
        with pytest.raises(MachineBusy):
            change(infra_city, made, DELETED)
        with pytest.raises(HypervisorUnavailable):
            infra_city.machines.reconcile(infra_city.act("01JOB"))
        (tmp_path / "hypervisor.db").rmdir()
        assert infra_city.machines.reconcile(infra_city.act("01JOB")) == 1
        assert infra_city.machines.read(made.id).state == RUNNING


def test_a_hypervisor_that_says_no_leaves_nothing(tmp_path: Path) -> None:
    driver = Refusing(tmp_path / "hypervisor.db")
    with city_with_machines(f"sqlite:///{tmp_path / 'city.db'}", tmp_path, hypervisor=driver) as infra_city:
        driver.refuses = True
        with pytest.raises(HypervisorRefused):
            request(infra_city)
        assert infra_city.machines.list_existing() == []
        assert infra_city.quotas.tree().room("civil") == QUOTAS["civil"]
        assert driver.list() == {}


def test_a_change_that_is_refused_leaves_the_machine_as_it_was_and_free_for_the_next(tmp_path: Path) -> None:
    driver = Refusing(tmp_path / "hypervisor.db")
    with city_with_machines(f"sqlite:///{tmp_path / 'city.db'}", tmp_path, hypervisor=driver) as infra_city:
        made = request(infra_city)
        driver.refuses = True
        with pytest.raises(HypervisorRefused):
            change(infra_city, made, STOPPED)
        now = infra_city.machines.read(made.id)
        assert (now.state, now.wanted) == (RUNNING, RUNNING)
        driver.refuses = False
        assert change(infra_city, made, STOPPED).state == STOPPED


def test_what_was_done_past_the_door_is_told_and_not_touched(small: CityWithMachines) -> None:
    lost, stopped = request(small, "lost"), request(small, "stopped")
    small.hypervisor.delete(lost.id)
    small.hypervisor.stop(stopped.id)
    small.hypervisor.create(Spec(id="01STRANGER", host="core-1", interface="zn-core", size=Size(1, 1, 1)))
    told = {lost.id: "lost", stopped.id: "changed-by-hand", "01STRANGER": "unknown"}
    assert dict(small.machines.strays()) == told
    assert small.machines.reconcile(small.act("01JOB")) == 0
    assert dict(small.machines.strays()) == told


def test_a_create_that_was_slower_than_the_delete_is_deleted_too(small: CityWithMachines) -> None:
    made = request(small)
    change(small, made, DELETED)
    small.hypervisor.create(Spec(id=made.id, host=made.host, interface="zn-core", size=made.size))
    assert small.machines.reconcile(small.act("01JOB")) == 1
    assert small.hypervisor.list() == {}
