"""What a hypervisor must do. Everything may be asked twice: who was cut off asks again and changes nothing more."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from infra.quota import Size

State = Literal["running", "stopped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """A machine to be made. `id` is its name at the hypervisor, so that it is made once."""

    id: str
    host: str
    interface: str  # of the zone it is cabled to
    size: Size


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A machine as the hypervisor has it."""

    host: str
    state: State


class Hypervisor(Protocol):
    """All hosts of a city. Called from threads of several processes; each method raises HypervisorUnavailable."""

    name: str  # code of what it is, for a page that must not claim more

    def create(self, spec: Spec) -> None:
        """Make it, stopped; if there is the same already, nothing. Raises HypervisorRefused if there is another."""

    def start(self, machine: str) -> None:
        """Let it run; if it does, nothing. Raises HypervisorRefused if there is none."""

    def stop(self, machine: str) -> None:
        """Stop it; if it is, nothing. Raises HypervisorRefused if there is none."""

    def delete(self, machine: str) -> None:
        """Destroy it with its disk, running or not; if there is none, nothing."""

    def state(self, machine: str) -> State | None:
        """How it is, None if there is none."""

    def list(self) -> Mapping[str, Found]:
        """Every machine of the city by id."""
