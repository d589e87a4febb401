"""A process that dies at one step on the way to a machine: `python -m tests.infra.dying_machine_request URL FOLDER STEP`."""

import os
import signal
import sys
from pathlib import Path

from infra.hypervisor import Spec
from infra.machines import DELETED, STOPPED
from infra.simulated_hypervisor import SimulatedHypervisor
from tests.infra.city_with_machines import city_with_machines, order

STEPS = ("before create", "after create", "after start", "before stop", "after stop", "before delete", "after delete")


class Dying(SimulatedHypervisor):
    """Kills its process, as `kill -9` does, before or after one act."""

    def __init__(self, path: Path, step: str) -> None:
        super().__init__(path)
        self._step = step

    def _at(self, step: str) -> None:
        if step == self._step:
            os.kill(os.getpid(), signal.SIGKILL)

    def create(self, spec: Spec) -> None:
        self._at("before create")
        super().create(spec)
        self._at("after create")

    def start(self, machine: str) -> None:
        super().start(machine)
        self._at("after start")

    def stop(self, machine: str) -> None:
        self._at("before stop")
        super().stop(machine)
        self._at("after stop")

    def delete(self, machine: str) -> None:
        self._at("before delete")
        super().delete(machine)
        self._at("after delete")


def main(url: str, place: Path, step: str) -> None:
    with city_with_machines(url, place, hypervisor=Dying(place / "hypervisor.db", step), founded=True) as infra_city:
        made = infra_city.machines.request(order(), infra_city.act("01REQUEST"))
        wanted = STOPPED if "stop" in step else DELETED
        infra_city.machines.change(made.id, wanted, infra_city.act("01CHANGE"), inside=frozenset({"civil"}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
