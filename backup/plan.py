"""The plan: how soon the platform must be back and how much may be lost, by grade; what follows from that, as data.

GB/T 20988-2007 annex C names six classes of recovery by RTO and RPO. Which grade needs which class is a city's choice;
ours is below, no target looser than its class's range. The platform carries every system, so its grade is the highest
of theirs (GB/T 22240-2020 6.2: a cloud platform's grade is not below that of what it carries).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from backup.errors import PlanInvalid

NAME = "citygate"
_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupPlan:
    """What is promised, and how often it is done. To make one raises PlanInvalid if it contradicts itself."""

    grade: int  # 1–5, GB/T 22240
    recovery_class: int  # 1–6, GB/T 20988
    rpo: timedelta  # at most so much may be lost; zero is for replication, no backup reaches it
    rto: timedelta  # at most so long until it answers again
    every: timedelta  # between the beginnings of two backups
    drill_every: timedelta  # a verified restore that is older proves nothing any more
    keep: int  # whole backups that stay, at least
    name: str = NAME

    def __post_init__(self) -> None:
        if not 1 <= self.grade <= 5 or not 1 <= self.recovery_class <= 6:
            raise PlanInvalid(f"grade {self.grade}, class {self.recovery_class}: grades are 1–5, classes 1–6")
        if self.rpo < timedelta(0) or min(self.rto, self.drill_every) <= timedelta(0) or self.every < _MINUTE:
            raise PlanInvalid("rto and drill_every are longer than nothing, every is a minute or more")
        if self.every > max(self.rpo, _MINUTE):
            raise PlanInvalid(f"a backup every {self.every} cannot hold an RPO of {self.rpo}")
        if self.keep < 2:
            raise PlanInvalid("keep at least 2: the newest may be the one that does not open")

    @property
    def retry(self) -> timedelta:
        """How long after a failure the same is tried again."""
        return min(self.every, 15 * _MINUTE)


_BY_GRADE: Mapping[int, BackupPlan] = {
    plan.grade: plan
    for plan in (
        BackupPlan(grade=1, recovery_class=1, rpo=7 * _DAY, rto=72 * _HOUR, every=_DAY, drill_every=365 * _DAY, keep=7),
        BackupPlan(
            grade=2, recovery_class=2, rpo=_DAY, rto=24 * _HOUR, every=6 * _HOUR, drill_every=180 * _DAY, keep=14
        ),
        BackupPlan(
            grade=3, recovery_class=4, rpo=_HOUR, rto=2 * _HOUR, every=_HOUR / 2, drill_every=30 * _DAY, keep=48
        ),
        BackupPlan(
            grade=4,
            recovery_class=5,
            rpo=10 * _MINUTE,
            rto=_HOUR / 2,
            every=5 * _MINUTE,
            drill_every=7 * _DAY,
            keep=288,
        ),
        BackupPlan(
            grade=5, recovery_class=6, rpo=0 * _DAY, rto=5 * _MINUTE, every=_MINUTE, drill_every=7 * _DAY, keep=720
        ),
    )
}


def plan_for(grade: int) -> BackupPlan:
    """Return the platform's plan while the highest grade it carries is `grade` (1–5). Raises PlanInvalid."""
    if grade not in _BY_GRADE:
        raise PlanInvalid(f"grade {grade}: grades are 1–5")
    return _BY_GRADE[grade]
