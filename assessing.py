"""What a self-assessment may look at, put together from the city's parts."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from audit.log import Log
from authz.policy import PolicySet
from authz.register import Register
from gateway.routes import Route
from grading.classify import Grade
from grading.errors import SystemUnknown, Ungraded
from grading.evidence import Border, Drilled, Facts, Placed, Share
from storage.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where the facts of any system come from."""

    register: Register
    routes: Sequence[Route]
    desks: Sequence[Route]
    policies: Callable[[], PolicySet]
    database: Database
    log: Log
    keys: Path
    origin: str
    clock: Callable[[], datetime]
    second_factors: Callable[[Collection[str]], Collection[str]]
    issuer_drift: Callable[[], Sequence[str] | None]
    contradictions: Callable[[], Sequence[str]]
    drilled: Callable[[str, Grade], Drilled | None]
    border: Callable[[], Border | None]
    machines: Callable[[str], Sequence[Placed]]
    shares: Callable[[str], Sequence[Share]]

    def facts(self, system: str, record: str) -> Facts:
        """Of one system, now. Raises SystemUnknown, Ungraded."""
        one = self.register.systems().get(system)
        if one is None:
            raise SystemUnknown(system)
        if one.s is None or one.a is None:
            raise Ungraded(system)
        grade = Grade(s=one.s, a=one.a)
        return Facts(
            system=system,
            department=one.department,
            grade=grade,
            label=int(one.label),
            routes=[route for route in self.routes if route.system == system],
            desks=self.desks,
            policies=self.policies(),
            database=self.database,
            log=self.log,
            keys=self.keys,
            origin=self.origin,
            now=self.clock(),
            record=record,
            second_factors=self.second_factors,
            issuer_drift=self.issuer_drift,
            contradictions=self.contradictions,
            drilled=lambda: self.drilled(system, grade),
            border=self.border,
            machines=lambda: self.machines(system),
            shares=lambda: self.shares(system),
        )
