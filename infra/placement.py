"""Which host a machine is placed on: pure, and the same answer for the same question."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from infra.quota import NOTHING, RESOURCES, Size


class Host(NamedTuple):
    """A physical machine on which virtual ones are placed, with its whole size."""

    id: str
    size: Size


def choose_host(size: Size, hosts: Iterable[Host], used: Mapping[str, Size]) -> Host | dict[str, int]:
    """Return the host that stays the emptiest. If none has room, return, for each resource, the most that any host has
    free.

    `size` is that of the machine, `used` what stands on each host already, by its id. The same question has the
    same answer.
    """
    free = {host: host.size.minus(used.get(host.id, NOTHING)) for host in hosts}
    fitting = [host for host, room in free.items() if size.fits(room)]
    if fitting:
        return min(fitting, key=lambda host: (-_emptiness(free[host].minus(size), host.size), host.id))
    return {name: max((room[at] for room in free.values()), default=0) for at, name in enumerate(RESOURCES)}


def _emptiness(left: Size, whole: Size) -> float:
    """The share that is left of what is scarcest."""
    return min(a / b if b else 0.0 for a, b in zip(left, whole, strict=True))
