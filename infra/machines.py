"""Machines: quota → placement → a row with its record → the hypervisor; and whoever was cut off on the way is found.

The row comes first and says what is wanted; the hypervisor is asked to be so, as often as it takes; then the row says
what it confirmed. Between any two steps the process may die: `reconcile` goes on from the row.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from authz import zone_register
from infra.errors import (
    HypervisorRefused,
    HypervisorUnavailable,
    MachineBusy,
    MachineNameTaken,
    MachineUnknown,
    NoHost,
    QuotaExceeded,
    ZoneTooLow,
)
from infra.hypervisor import Hypervisor, Spec
from infra.placement import Host, choose_host
from infra.quota import RESOURCES, Size
from infra.quotas import Quotas, usage_by
from infra.store import host, machine, machine_change
from storage.act import Act
from storage.database import Database

PLACING, RUNNING, STOPPED, DELETED = "placing", "running", "stopped", "deleted"
PAGE, SETTLED = 100, 6  # of a list; in one run of the job, whose record names each row


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineOrder:
    """A machine that somebody asks for; the door has decided that it may be."""

    name: str
    department: str
    system: str
    zone: str
    size: Size
    purpose: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A machine as its row says. `wanted` is not yet `state` while the hypervisor has not confirmed it."""

    id: str
    name: str
    department: str
    system: str
    zone: str
    host: str
    cpu: int
    memory_gib: int
    disk_gib: int
    purpose: str
    requested_by: str
    approved_by: str
    created_at: datetime
    wanted: str
    state: str
    record: str
    change_record: str

    @property
    def size(self) -> Size:
        return Size(self.cpu, self.memory_gib, self.disk_gib)


class Machines:
    """Called from threads, of several processes."""

    def __init__(
        self,
        database: Database,
        hypervisor: Hypervisor,
        quotas: Quotas,
        *,
        clock: Callable[[], datetime],
        mint: Callable[[], str],
    ) -> None:
        self._database, self.hypervisor, self._quotas = database, hypervisor, quotas
        self._clock, self._mint = clock, mint

    def request(self, order: MachineOrder, act: Act) -> Machine:
        """Allocate what `order` says and start it; return the machine.

        A hypervisor that is away leaves it "placing": `reconcile` finishes. Raises QuotaExceeded, NoHost,
        MachineNameTaken, and HypervisorRefused: then its rows stay and say that it is deleted.
        """
        return self._bring(self.allocate(order, act), act)

    def allocate(self, order: MachineOrder, act: Act) -> Machine:
        """Write the row alone: the transaction that writes it takes quota and host. Raises as `request`."""
        parents = self._quotas.parents()
        with self._database.transaction() as connection:
            tree = self._quotas.hold(connection, order.department, parents)
            if shortages := tree.shortages(order.department, order.size):
                raise QuotaExceeded(shortages, department=order.department)
            chosen = _take_host(connection, order)
            allocated = Machine(
                id=self._mint(), host=chosen.id, requested_by=act.actor, approved_by=act.approver, created_at=act.at,
                wanted=RUNNING, state=PLACING, record=act.record, change_record=act.record, name=order.name,
                department=order.department, system=order.system, zone=order.zone, purpose=order.purpose,
                **order.size._asdict(),
            )  # fmt: skip
            values = {name: getattr(allocated, name) for name in Machine.__dataclass_fields__}
            _check_name(connection, order)
            connection.execute(sa.insert(machine).values(values))
            self._meter(connection, allocated.id, PLACING, act)
            return allocated

    def change(self, identifier: str, wanted: str, act: Act, *, inside: frozenset[str]) -> Machine:
        """Start, stop or delete a machine of one of the departments `inside`; return it as it is then.

        Raises MachineUnknown, MachineBusy, ZoneTooLow, and HypervisorRefused: then it stays as it was.
        """
        with self._database.transaction() as connection:
            row = _lock(connection, identifier)
            if row is None or row.department not in inside or row.state == DELETED:
                raise MachineUnknown
            if row.wanted != row.state:
                raise MachineBusy
            if wanted == RUNNING and not zone_register.may_stand(connection, system_id=row.system, zone_id=row.zone):
                raise ZoneTooLow(row.zone)  # graded since it was placed; the door decides only where it is placed
            if row.state != wanted:
                _set(connection, identifier, wanted=wanted, change_record=act.record)
                act.witness(connection, machine, identifier)
        return self._bring(self.read(identifier), act)

    def read(self, identifier: str) -> Machine:
        """Return the machine of this id, also one that is deleted. Raises MachineUnknown."""
        query = sa.select(machine).where(machine.c.id == identifier)
        with self._database.transaction() as connection:
            row = connection.execute(query).mappings().one_or_none()
        if row is None:
            raise MachineUnknown
        return Machine(**row)

    def list_existing(
        self, inside: frozenset[str] | None = None, *, after: str = "", limit: int = PAGE
    ) -> list[Machine]:
        """Return one page of those that are not deleted, in these departments or in all, oldest first."""
        query = sa.select(machine).where(machine.c.state != DELETED, machine.c.id > after)
        if inside is not None:
            query = query.where(machine.c.department.in_(sorted(inside)))
        with self._database.transaction() as connection:
            rows = connection.execute(query.order_by(machine.c.id).limit(limit)).mappings()
            return [Machine(**row) for row in rows]

    def reconcile(self, act: Act) -> int:
        """Finish or undo what was begun and never confirmed; return of how many machines.

        What the hypervisor still has although its row says deleted is deleted once more: a create that was slower
        than the delete. Raises HypervisorUnavailable; the next time goes on.
        """
        query = sa.select(machine).where(machine.c.wanted != machine.c.state).order_by(machine.c.id).limit(SETTLED)
        with self._database.transaction() as connection:
            unsettled = [Machine(**row) for row in connection.execute(query).mappings()]
        settled = 0
        for begun in unsettled:
            try:
                now = self._bring(begun, act)
            except HypervisorRefused:
                now = self.read(begun.id)  # undone, or back to what it was
            settled += now.wanted == now.state
        for identifier in self._undead():
            self.hypervisor.delete(identifier)
            settled += 1
        return settled

    def strays(self) -> Iterator[tuple[str, str]]:
        """Yield (machine, what): where rows and hypervisor disagree beyond what is under way. Changes nothing."""
        there, rows, after = self.hypervisor.list(), dict[str, Machine](), ""
        while page := self.list_existing(after=after):
            rows |= {row.id: row for row in page}
            after = page[-1].id
        for identifier, row in rows.items():
            if row.wanted != row.state:
                continue
            if (hosted := there.get(identifier)) is None:
                yield identifier, "lost"
            elif hosted.state != row.state or hosted.host != row.host:
                yield identifier, "changed-by-hand"
        yield from ((identifier, "unknown") for identifier in sorted(there.keys() - rows.keys()))

    def _undead(self) -> list[str]:
        there = sorted(self.hypervisor.list())
        query = sa.select(machine.c.id).where(machine.c.id.in_(there), machine.c.state == DELETED)
        with self._database.transaction() as connection:
            return list(connection.execute(query).scalars())

    def _bring(self, begun: Machine, act: Act) -> Machine:
        """Have the hypervisor do what the row wants, and confirm it. Raises HypervisorRefused."""
        try:
            self._ask(begun)
        except HypervisorUnavailable:
            return self.read(begun.id)
        except HypervisorRefused:
            back = begun.state if begun.state != PLACING else DELETED
            if back == DELETED:
                self.hypervisor.delete(begun.id)
            self._confirm(begun.id, back, act, wanted=back)
            raise
        self._confirm(begun.id, begun.wanted, act)
        return self.read(begun.id)

    def _ask(self, begun: Machine) -> None:
        if begun.wanted == DELETED:
            self.hypervisor.delete(begun.id)
            return
        if begun.state == PLACING:
            interface = self._interface(begun.zone)
            self.hypervisor.create(Spec(id=begun.id, host=begun.host, interface=interface, size=begun.size))
        (self.hypervisor.start if begun.wanted == RUNNING else self.hypervisor.stop)(begun.id)

    def _interface(self, zone: str) -> str:
        with self._database.transaction() as connection:
            return zone_register.interface_of(connection, zone)

    def _confirm(self, identifier: str, state: str, act: Act, **more: str) -> None:
        """Let the row say what is; whoever comes second finds it said, and what is deleted stays so."""
        with self._database.transaction() as connection:
            row = _lock(connection, identifier)
            if row is None or row.state == DELETED:
                return
            if row.state == state and row.wanted == more.get("wanted", row.wanted):
                return
            _set(connection, identifier, state=state, change_record=act.record, **more)
            if row.state == state:  # refused: only what was wanted is taken back
                act.witness(connection, machine, identifier)
            else:
                self._meter(connection, identifier, state, act)

    def _meter(self, connection: Connection, identifier: str, state: str, act: Act) -> None:
        """Write what the meter reads, and witness it and the machine: it costs from now, not from when it was asked."""
        change = {"id": self._mint(), "machine": identifier, "at": self._clock(), "state": state, "record": act.record}
        connection.execute(sa.insert(machine_change).values(change))
        act.witness(connection, machine_change, change["id"])
        act.witness(connection, machine, identifier)


def _lock(connection: Connection, identifier: str) -> Machine | None:
    row = connection.execute(sa.select(machine).where(machine.c.id == identifier).with_for_update()).mappings().first()
    return Machine(**row) if row else None


def _set(connection: Connection, identifier: str, **values: str) -> None:
    connection.execute(sa.update(machine).where(machine.c.id == identifier).values(values))


def _check_name(connection: Connection, order: MachineOrder) -> None:
    mine = (machine.c.department == order.department) & (machine.c.name == order.name) & (machine.c.state != DELETED)
    if connection.execute(sa.select(machine.c.id).where(mine)).first():
        raise MachineNameTaken


def _take_host(connection: Connection, order: MachineOrder) -> Host:
    """A host of the zone; its hosts are held, so that two departments do not take the same room."""
    query = sa.select(host).where(host.c.zone == order.zone).order_by(host.c.id).with_for_update()
    hosts = [Host(row["id"], _size(row)) for row in connection.execute(query).mappings()]
    answer = choose_host(order.size, hosts, usage_by(connection, machine.c.host))
    if isinstance(answer, Host):
        return answer
    raise NoHost(order.zone, answer)


def _size(row: sa.RowMapping) -> Size:
    return Size(*(row[name] for name in RESOURCES))
