"""What is due: a pure function of the plan, of what was done, and of the time."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from backup.plan import BackupPlan


class Due(StrEnum):
    """What is to be begun now."""

    NOTHING = ""
    BACKUP = "backup"
    DRILL = "drill"


class Restore(StrEnum):
    """What is known of a verified restore (从未 · 有效 · 过期). The last backup proves nothing."""

    NEVER = "never"
    VALID = "valid"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """When the newest of each began, or None. Moments may lie in the future: clocks are set back."""

    running: bool = False  # a backup or a drill is under way
    whole: datetime | None = None  # the newest backup that ended whole
    failed: datetime | None = None  # the newest that did not
    passed: datetime | None = None  # the newest drill that passed
    broken: datetime | None = None  # the newest that did not


def due(plan: BackupPlan, history: History, now: datetime) -> Due:
    """Return what is to be begun at `now`: a backup before a drill, and nothing while something is under way."""
    if history.running:
        return Due.NOTHING
    if _is_due(history.whole, history.failed, now, plan, plan.every.total_seconds()):
        return Due.BACKUP
    if history.whole and _is_due(history.passed, history.broken, now, plan, plan.drill_every.total_seconds()):
        return Due.DRILL
    return Due.NOTHING


def restore_state(plan: BackupPlan, history: History, now: datetime) -> Restore:
    """Return whether a restore was verified.
    A drill that passed counts until it is too old, or until a later one did not pass.
    """
    if history.passed is None:
        return Restore.NEVER
    overruled = history.broken is not None and history.broken > history.passed
    return Restore.EXPIRED if overruled or now - history.passed > plan.drill_every else Restore.VALID


def _is_due(good: datetime | None, bad: datetime | None, now: datetime, plan: BackupPlan, every_seconds: float) -> bool:
    """Long enough after the last that went well, and after a later one that did not: sooner, but not at once."""
    if bad is not None and (good is None or bad > good):
        return abs((now - bad).total_seconds()) >= min(plan.retry.total_seconds(), every_seconds)
    # a moment in the future is a clock that was set back: waiting for it could take years
    return good is None or not 0 <= (now - good).total_seconds() < every_seconds
