"""Zones and flows out of the database, brought into force by the data plane.

A flow is written and the rules are applied in one transaction: if the data plane takes none of them, no row says it
is open. Whoever applies holds the city's lock, so an older set never replaces a newer one.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from authz import zone_register
from infra.data_plane import DataPlane, Deviation
from infra.errors import DataPlaneRefused, FlowExists, FlowUnknown, ZoneUnknown
from infra.nftables import RuleModel, compile_rules
from infra.store import flow
from infra.zone import Flow, Way, Zone
from storage import advisory
from storage.act import Act
from storage.database import Database

PAGE = 100
_ZONE = tuple(Zone.__dataclass_fields__)
_FLOW = tuple(Flow.__dataclass_fields__)


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowTerms:
    """Under which a flow is open: who answers for it, until when, and why."""

    owner: str
    reason: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowTest:
    """The data plane's own answer, and the row that allows it; that they differ is a finding."""

    passes: bool
    flow: Flow | None

    @property
    def agrees(self) -> bool:
        """Whether what passes is what was opened."""
        return self.passes == (self.flow is not None)


class Zones:
    """Called from threads, of several processes."""

    def __init__(
        self, database: Database, plane: DataPlane, *, clock: Callable[[], datetime], mint: Callable[[], str]
    ) -> None:
        self._database, self.plane, self._clock, self._mint = database, plane, clock, mint
        self._alone = threading.Lock()

    def list_zones(self) -> list[Zone]:
        """Return every zone in the order of ids."""
        with self._database.transaction() as connection:
            return _zones(connection)

    def flows(self, *, after: str = "", limit: int = PAGE) -> list[dict[str, Any]]:
        """Return one page of the flows that are open now, oldest first, with who opened and approved them."""
        query = sa.select(flow).where(_open(self._clock()), flow.c.id > after).order_by(flow.c.id).limit(limit)
        with self._database.transaction() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def open(self, way: Way, terms: FlowTerms, act: Act) -> tuple[Flow, list[Deviation]]:
        """Write a flow on `way` and bring it into force; return it, and what was in force without a row before.

        Raises ZoneUnknown, FlowExists, DataPlaneRefused, DataPlaneUnavailable.
        """
        with self._in_force() as connection:
            if not {way.from_zone, way.to_zone} <= {zone.id for zone in _zones(connection)}:
                raise ZoneUnknown
            if _find(connection, way, self._clock()):
                raise FlowExists
            opening = Flow(id=self._mint(), **way._asdict(), owner=terms.owner, expires_at=terms.expires_at)
            values = {name: getattr(opening, name) for name in _FLOW} | {"reason": terms.reason, "record": act.record}
            values |= {"opened_by": act.actor, "approved_by": act.approver, "opened_at": act.at}
            before = self._replaced(connection, sa.insert(flow).values(values))
            act.witness(connection, flow, opening.id)
        return opening, before

    def close(self, way: Way, act: Act) -> tuple[Flow, list[Deviation]]:
        """Close the flow on `way`, with whatever runs over it; return as `open` does.

        Raises FlowUnknown, DataPlaneRefused, DataPlaneUnavailable.
        """
        with self._in_force() as connection:
            closing = _find(connection, way, self._clock())
            if closing is None:
                raise FlowUnknown
            values = {"closed_by": act.actor, "closed_at": act.at, "close_record": act.record}
            before = self._replaced(connection, sa.update(flow).where(flow.c.id == closing.id).values(values))
            act.witness(connection, flow, closing.id)
        return closing, before

    def test(self, way: Way) -> FlowTest:
        """Ask the data plane, and then the rows. Raises ZoneUnknown, DataPlaneUnavailable."""
        passes = self.plane.test(*way)
        with self._database.transaction() as connection:
            return FlowTest(passes=passes, flow=_find(connection, way, self._clock()))

    def drift(self) -> Sequence[Deviation]:
        """Return what is in force and was not compiled, or the other way round. Raises DataPlaneUnavailable.

        Nobody waits for a look that finds nothing; a finding is looked at again while nobody changes anything.
        """
        if not self.plane.drift(self._compiled()):
            return []
        with self._in_force() as connection:
            return self.plane.drift(self._model(connection))

    def apply(self) -> list[Deviation]:
        """Bring into force what the rows say now; return what was other before."""
        with self._in_force() as connection:
            return self._mended(self._model(connection))

    def keep(self) -> list[Deviation]:
        """Close what ran out, as the clock-job asks. A rule opened by hand stays, to be seen, until something does.

        Returns what was replaced. Raises DataPlaneRefused, DataPlaneUnavailable.
        """
        if self.plane.digest() == self._compiled().digest():
            return []
        with self._in_force() as connection:
            model = self._model(connection)
            return [] if self.plane.digest() == model.digest() else self._mended(model)

    def _replaced(self, connection: Connection, change: sa.Insert | sa.Update) -> list[Deviation]:
        """Make the change, and apply. What was other than the rows before is returned, for it is gone."""
        before = self.plane.drift(self._model(connection))
        connection.execute(change)
        self.plane.apply(self._model(connection))
        return list(before)

    def _mended(self, model: RuleModel) -> list[Deviation]:
        before = list(self.plane.drift(model))
        self.plane.apply(model)
        return before

    @contextmanager
    def _in_force(self) -> Iterator[Connection]:
        """A transaction in which nobody else of the city changes what is in force."""
        with self._alone, self._database.transaction() as connection:
            advisory.hold(connection, "zones")
            yield connection

    def _compiled(self) -> RuleModel:
        with self._database.transaction() as connection:
            return self._model(connection)

    def _model(self, connection: Connection) -> RuleModel:
        at = self._clock()
        rows = connection.execute(sa.select(*(flow.c[name] for name in _FLOW)).where(_open(at))).mappings()
        try:
            return compile_rules(_zones(connection), [Flow(**row) for row in rows], at=at)
        except ValueError as wrong:
            raise DataPlaneRefused(f"the rows cannot be compiled: {wrong}") from wrong


def _zones(connection: Connection) -> list[Zone]:
    return [Zone(**{name: row[name] for name in _ZONE}) for row in zone_register.list_zones(connection)]


def _open(at: datetime) -> sa.ColumnElement[bool]:
    return flow.c.closed_at.is_(None) & (flow.c.expires_at > at)


def _find(connection: Connection, way: Way, at: datetime) -> Flow | None:
    same = [flow.c[name] == value for name, value in way._asdict().items()]
    query = sa.select(*(flow.c[name] for name in _FLOW)).where(_open(at), *same)
    row = connection.execute(query).mappings().first()
    return Flow(**row) if row else None
