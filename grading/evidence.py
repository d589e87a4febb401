"""What probes look at and what they say: facts in, a finding out; not knowing is never a pass."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from audit.log import Log
from authz.policy import PolicySet
from crypto.platform import PlatformSeal
from crypto.reseal import SealedPlace
from gateway.routes import Route
from grading.classify import Grade
from storage.database import Database


class Status(StrEnum):
    """符合, 部分符合, 不符合, 不适用, 未评估."""

    MET = "met"
    PARTLY = "partly"
    UNMET = "unmet"
    NOT_APPLICABLE = "not-applicable"
    NOT_ASSESSED = "not-assessed"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that was seen: a stable code, and the values its sentence is filled with."""

    code: str
    values: Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """What one probe found. `record`: the id of the record it rests on, "" for that of the assessment itself."""

    status: Status
    evidence: tuple[Evidence, ...]
    record: str = ""


def answer_with(status: Status, code: str, *, record: str = "", **values: str | int) -> ProbeAnswer:
    """A finding of one sentence."""
    return ProbeAnswer(status, (Evidence(code, values),), record)


@dataclass(frozen=True, slots=True, kw_only=True)
class LastDrill:
    """The last restore drill that counts for this system, passed or not."""

    at: datetime
    passed: bool
    record: str
    valid_for: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Border:
    """The zones' rules: what differs between the approved and the live ones, and flows that nobody answers for."""

    drift: Sequence[str]
    unbounded: Sequence[str]  # flows without an owner or an end


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedMachine:
    """One machine of the system, and what its zone may hold."""

    machine: str
    zone: str
    ceiling: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedData:
    """One share of the system's data that counts now."""

    id: str
    purpose: str
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlAnswer:
    """What a person said of a control that no probe can judge; before `expires_at` it counts."""

    status: Status
    reason: str
    expires_at: datetime
    answered_by: str
    answered_at: datetime
    record: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeFacts:
    """Everything a probe may read; nothing here changes anything. Whatever raises makes its control 未评估."""

    system: str
    department: str
    grade: Grade
    label: int  # the register's, which should follow from the grade
    routes: Sequence[Route]  # the system's
    desks: Sequence[Route]  # the platform's own
    policies: PolicySet
    database: Database
    log: Log
    keys: Sequence[tuple[Path, str]]  # folder and pattern of key files, wherever this machine keeps some
    seal: PlatformSeal
    sealed: Sequence[SealedPlace]  # wherever something is kept that it sealed
    origin: str  # of the desks, as browsers see it
    now: datetime
    record: str  # of the assessment's own request
    second_factors: Callable[[Collection[str]], Collection[str]]  # of these subs at the issuer, who has one
    issuer_drift: Callable[[], Sequence[str] | None]  # None: this issuer has no settings to compare
    contradictions: Callable[[], Sequence[str]]  # rows against their records, by name
    last_drill: Callable[[], LastDrill | None]
    border: Callable[[], Border | None]  # None: there are no zones
    machines: Callable[[], Sequence[PlacedMachine]]
    shares: Callable[[], Sequence[SharedData]]
    last_answer: Callable[[str], ControlAnswer | None]  # the last answer to a control that only a person can judge


Probe = Callable[[ProbeFacts], ProbeAnswer]
