"""Machines: quota → placement → a row with its record → the hypervisor; and whoever was cut off on the way is found.

The row comes first and says what is wanted; the hypervisor is asked to be so, as often as it takes; then the row says
what it confirmed. Between any two steps the process may die: `reconcile` goes on from the row.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from authz.store import system, zone
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
from infra.placement import Host, place
from infra.quota import RESOURCES, Size
from infra.quotas import Quotas, used_by
from infra.store import Told, host, machine, machine_change
from storage import witness
from storage.database import Database

PLACING, RUNNING, STOPPED, DELETED = "placing", "running", "stopped", "deleted"
PAGE, SETTLED = 100, 6  # of a list; in one run of the job, whose record names each row


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A machine somebody asks for; the door has decided that it may be."""

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

    def request(self, asked: Asked, *, actor: str, approver: str, record: str, told: Told) -> Machine:
        """Allocate and start it. A hypervisor that is away leaves it "placing": `reconcile` finishes.

        `told` takes what the rows became, for the outcome record; so do the other methods that write.

        Raises QuotaExceeded, NoHost, MachineNameTaken, and HypervisorRefused; then nothing is left of it.
        """
        made = self.allocate(asked, actor=actor, approver=approver, record=record, told=told)
        return self._bring(made, record=record, told=told)

    def allocate(self, asked: Asked, *, actor: str, approver: str, record: str, told: Told) -> Machine:
        """The row alone: quota and host are taken in the transaction that writes it."""
        parents = self._quotas.parents()
        with self._database.transaction() as connection:
            tree = self._quotas.hold(connection, asked.department, parents)
            if short := tree.short(asked.department, asked.size):
                raise QuotaExceeded(short, department=asked.department)
            chosen = _placed(connection, asked)
            made = Machine(
                id=self._mint(), host=chosen.id, requested_by=actor, approved_by=approver, created_at=self._clock(),
                wanted=RUNNING, state=PLACING, record=record, change_record=record, name=asked.name,
                department=asked.department, system=asked.system, zone=asked.zone, purpose=asked.purpose,
                **asked.size._asdict(),
            )  # fmt: skip
            values = {name: getattr(made, name) for name in Machine.__dataclass_fields__}
            _check_name(connection, asked)
            connection.execute(sa.insert(machine).values(values))
            self._note(connection, made.id, PLACING, record, told)
            return made

    def change(self, identifier: str, wanted: str, *, inside: frozenset[str], record: str, told: Told) -> Machine:
        """Start, stop or delete a machine of one of these departments.

        Raises MachineUnknown, MachineBusy, ZoneTooLow, HypervisorRefused; then it stays as it was.
        """
        with self._database.transaction() as connection:
            found = _held(connection, identifier)
            if found is None or found.department not in inside or found.state == DELETED:
                raise MachineUnknown
            if found.wanted != found.state:
                raise MachineBusy
            if wanted == RUNNING:
                _check_zone(connection, found)
            if found.state != wanted:
                _set(connection, identifier, wanted=wanted, change_record=record)
                told.update([witness.of(connection, machine, identifier)])
        return self._bring(self.one(identifier), record=record, told=told)

    def one(self, identifier: str) -> Machine:
        """By its id. Raises MachineUnknown."""
        query = sa.select(machine).where(machine.c.id == identifier)
        with self._database.transaction() as connection:
            row = connection.execute(query).mappings().one_or_none()
        if row is None:
            raise MachineUnknown
        return Machine(**row)

    def living(self, inside: frozenset[str] | None = None, *, after: str = "", limit: int = PAGE) -> list[Machine]:
        """Those that are not deleted, in these departments or in all, in the order they were made."""
        query = sa.select(machine).where(machine.c.state != DELETED, machine.c.id > after)
        if inside is not None:
            query = query.where(machine.c.department.in_(sorted(inside)))
        with self._database.transaction() as connection:
            rows = connection.execute(query.order_by(machine.c.id).limit(limit)).mappings()
            return [Machine(**row) for row in rows]

    def reconcile(self, *, record: str, told: Told) -> int:
        """Finish or undo what was begun and never confirmed; return of how many machines.

        What the hypervisor still has although its row says deleted is deleted once more: a create that was slower
        than the delete. Raises HypervisorUnavailable; the next time goes on.
        """
        query = sa.select(machine).where(machine.c.wanted != machine.c.state).order_by(machine.c.id).limit(SETTLED)
        with self._database.transaction() as connection:
            begun = [Machine(**row) for row in connection.execute(query).mappings()]
        settled = 0
        for one in begun:
            try:
                now = self._bring(one, record=record, told=told)
            except HypervisorRefused:
                now = self.one(one.id)  # undone, or back to what it was
            settled += now.wanted == now.state
        for identifier in self._undead():
            self.hypervisor.delete(identifier)
            settled += 1
        return settled

    def astray(self) -> Iterator[tuple[str, str]]:
        """(machine, what): what rows and hypervisor disagree on, beyond what is under way. Changes nothing."""
        there, rows, after = self.hypervisor.list(), dict[str, Machine](), ""
        while page := self.living(after=after):
            rows |= {one.id: one for one in page}
            after = page[-1].id
        for identifier, one in rows.items():
            if one.wanted != one.state:
                continue
            if (found := there.get(identifier)) is None:
                yield identifier, "lost"
            elif found.state != one.state or found.host != one.host:
                yield identifier, "changed-by-hand"
        yield from ((identifier, "unknown") for identifier in sorted(there.keys() - rows.keys()))

    def _undead(self) -> list[str]:
        there = sorted(self.hypervisor.list())
        over = sa.select(machine.c.id).where(machine.c.id.in_(there), machine.c.state == DELETED)
        with self._database.transaction() as connection:
            return list(connection.execute(over).scalars())

    def _bring(self, one: Machine, *, record: str, told: Told) -> Machine:
        """Have the hypervisor do what the row wants, and confirm it. Raises HypervisorRefused."""
        try:
            self._ask(one)
        except HypervisorUnavailable:
            return self.one(one.id)
        except HypervisorRefused:
            back = one.state if one.state != PLACING else DELETED
            if back == DELETED:
                self.hypervisor.delete(one.id)
            self._confirm(one.id, back, record, told, wanted=back)
            raise
        self._confirm(one.id, one.wanted, record, told)
        return self.one(one.id)

    def _ask(self, one: Machine) -> None:
        if one.wanted == DELETED:
            self.hypervisor.delete(one.id)
            return
        if one.state == PLACING:
            interface = self._interface(one.zone)
            self.hypervisor.create(Spec(id=one.id, host=one.host, interface=interface, size=one.size))
        (self.hypervisor.start if one.wanted == RUNNING else self.hypervisor.stop)(one.id)

    def _interface(self, identifier: str) -> str:
        with self._database.transaction() as connection:
            return str(connection.execute(sa.select(zone.c.interface).where(zone.c.id == identifier)).scalar_one())

    def _confirm(self, identifier: str, state: str, record: str, told: Told, **more: str) -> None:
        """The row says what is; whoever comes second finds it said, and what is deleted stays so."""
        with self._database.transaction() as connection:
            found = _held(connection, identifier)
            if found is None or found.state == DELETED:
                return
            if found.state == state and found.wanted == more.get("wanted", found.wanted):
                return
            _set(connection, identifier, state=state, change_record=record, **more)
            if found.state == state:  # refused: only what was wanted is taken back
                told.update([witness.of(connection, machine, identifier)])
            else:
                self._note(connection, identifier, state, record, told)

    def _note(self, connection: Connection, identifier: str, state: str, record: str, told: Told) -> None:
        """What the meter reads, and what the machine is now."""
        values = {"id": self._mint(), "machine": identifier, "at": self._clock(), "state": state, "record": record}
        connection.execute(sa.insert(machine_change).values(values))
        told.update([witness.of(connection, machine_change, values["id"]), witness.of(connection, machine, identifier)])


def _held(connection: Connection, identifier: str) -> Machine | None:
    row = connection.execute(sa.select(machine).where(machine.c.id == identifier).with_for_update()).mappings().first()
    return Machine(**row) if row else None


def _set(connection: Connection, identifier: str, **values: str) -> None:
    connection.execute(sa.update(machine).where(machine.c.id == identifier).values(values))


def _check_zone(connection: Connection, one: Machine) -> None:
    """Its system may have been graded since it was placed, and the door decides only where it is placed (law 6)."""
    label = sa.select(system.c.label).where(system.c.id == one.system).scalar_subquery()
    fits = sa.select(zone.c.id).where(zone.c.id == one.zone, zone.c.ceiling >= label)
    if connection.execute(fits).first() is None:
        raise ZoneTooLow(one.zone)


def _check_name(connection: Connection, asked: Asked) -> None:
    mine = (machine.c.department == asked.department) & (machine.c.name == asked.name) & (machine.c.state != DELETED)
    if connection.execute(sa.select(machine.c.id).where(mine)).first():
        raise MachineNameTaken


def _placed(connection: Connection, asked: Asked) -> Host:
    """A host of the zone; its hosts are held, so that two departments do not take the same room."""
    query = sa.select(host).where(host.c.zone == asked.zone).order_by(host.c.id).with_for_update()
    hosts = [Host(row["id"], _size(row)) for row in connection.execute(query).mappings()]
    answer = place(asked.size, hosts, used_by(connection, machine.c.host))
    if isinstance(answer, Host):
        return answer
    raise NoHost(asked.zone, answer)


def _size(row: sa.RowMapping) -> Size:
    return Size(*(row[name] for name in RESOURCES))
