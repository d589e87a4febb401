"""The quota tree in numbers, pure: what a department was given is taken from the one above it, used or not.

So every quota can be used up whatever the neighbours do, and the sum of the children never exceeds the parent.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from infra.errors import Shortage


class Size(NamedTuple):
    """A number of CPUs, and GiB of memory and disk."""

    cpu: int
    memory_gib: int
    disk_gib: int

    def plus(self, other: "Size") -> "Size":
        """Return the sum of both."""
        return Size(*(a + b for a, b in zip(self, other, strict=True)))

    def minus(self, other: "Size") -> "Size":
        """Return what is left without `other`. A number is below zero where there is too little."""
        return Size(*(a - b for a, b in zip(self, other, strict=True)))

    def fits(self, room: "Size") -> bool:
        """Return whether `room` has enough of everything."""
        return all(a <= b for a, b in zip(self, room, strict=True))


NOTHING = Size(0, 0, 0)
RESOURCES = Size._fields


class QuotaTree(NamedTuple):
    """Departments with their quotas, and what is placed in each of them itself, without those below it."""

    parents: Mapping[str, str]  # department → the one above it
    quotas: Mapping[str, Size]
    used: Mapping[str, Size]

    def holder(self, department: str) -> str:
        """Return the department whose quota `department` draws on: its own, else the nearest above; "" if nobody was
        given one.
        """
        seen: set[str] = set()
        at = department
        while at and at not in self.quotas and at not in seen:
            seen.add(at)
            at = self.parents.get(at, "")
        return at if at in self.quotas else ""

    def claims(self, department: str) -> Size:
        """Return what of the department's quota is used or promised: its own machines, the quotas below it, and the
        machines of those below it that draw on it.
        """
        children = [child for child, parent in self.parents.items() if parent == department]
        parts = (self.quotas[child] if child in self.quotas else self.claims(child) for child in children)
        return _sum((self.used.get(department, NOTHING), *parts))

    def room(self, department: str) -> Size:
        """Return what can still be placed in `department`; zero of everything where there is no quota."""
        holder = self.holder(department)
        return self.quotas[holder].minus(self.claims(holder)) if holder else NOTHING

    def shortages(self, department: str, asked: Size) -> list[Shortage]:
        """Return the resources of which there is too little for `asked`, each with what is asked and what is left."""
        holder = self.holder(department)
        return _shortages(asked, self.room(department), self.quotas.get(holder, NOTHING))

    def conflicts(self, department: str, wanted: Size) -> list[Shortage]:
        """Return why `department` cannot have the quota `wanted`: it is too little for what it has, or too much for the
        one above.
        """
        after = self._replace(quotas={**self.quotas, department: wanted})
        below = after.claims(department)
        conflicts = _shortages(below, wanted, wanted)
        above = self.holder(self.parents.get(department, ""))
        if above:
            now = self._replace(quotas={**self.quotas, department: NOTHING})
            room = self.quotas[above].minus(now.claims(above))
            conflicts += _shortages(wanted, room, self.quotas[above])
        return conflicts


def _shortages(asked: Size, left: Size, quota: Size) -> list[Shortage]:
    rows: Iterable[tuple[str, int, int, int]] = zip(RESOURCES, asked, left, quota, strict=True)
    return [Shortage(resource=name, asked=a, left=max(b, 0), quota=q) for name, a, b, q in rows if a > b]


def _sum(sizes: Sequence[Size]) -> Size:
    total = NOTHING
    for size in sizes:
        total = total.plus(size)
    return total
