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
class HostedMachine:
    """A machine as the hypervisor has it."""

    host: str
    state: State


class Hypervisor(Protocol):
    """All hosts of a city. Called from threads of several processes. Every method raises HypervisorUnavailable."""

    name: str  # code of what it is, for a page that must not claim more

    def create(self, spec: Spec) -> None:
        """Make the machine, stopped. If the same one is there already, do nothing. Raises HypervisorRefused if another
        one is.
        """

    def start(self, machine: str) -> None:
        """Start the machine; do nothing if it runs. Raises HypervisorRefused if there is none."""

    def stop(self, machine: str) -> None:
        """Stop the machine; do nothing if it is stopped. Raises HypervisorRefused if there is none."""

    def delete(self, machine: str) -> None:
        """Destroy the machine with its disk, running or not; do nothing if there is none."""

    def state(self, machine: str) -> State | None:
        """Return the state of the machine, or None if there is none."""

    def list(self) -> Mapping[str, HostedMachine]:
        """Return every machine of the city by its id."""
