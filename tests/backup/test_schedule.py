"""What is due, against an oracle that walks the time minute by minute."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup.errors import PlanInvalid
from backup.plan import BackupPlan, plan_for
from backup.schedule import Due, History, Restore, due, restore_state

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
plans = st.sampled_from([plan_for(grade) for grade in range(1, 6)])
past = st.none() | st.integers(0, 2 * 366 * 24 * 60).map(lambda minutes: NOW - timedelta(minutes=minutes))
histories = st.builds(History, running=st.booleans(), whole=past, failed=past, passed=past, broken=past)


def waits(good: datetime | None, bad: datetime | None, every: timedelta, retry: timedelta) -> bool:
    """The oracle: the moments at which it may begin again, as a set of one."""
    newest = max([one for one in (good, bad) if one], default=None)
    if newest is None:
        return False
    again = newest + (retry if newest == bad and newest != good else every)
    return again > NOW


@given(plans, histories)
def test_what_is_due_is_what_the_oracle_says(plan: BackupPlan, history: History) -> None:
    said = due(plan, history, NOW)
    if history.running:
        assert said is Due.NOTHING
    elif not waits(history.whole, history.failed, plan.every, plan.retry):
        assert said is Due.BACKUP
    elif history.whole and not waits(
        history.passed, history.broken, plan.drill_every, min(plan.retry, plan.drill_every)
    ):
        assert said is Due.DRILL
    else:
        assert said is Due.NOTHING


@given(plans)
def test_a_backup_is_begun_again_before_the_last_is_older_than_the_promise(plan: BackupPlan) -> None:
    assert due(plan, History(whole=NOW - plan.every, passed=NOW), NOW) is Due.BACKUP
    assert plan.every <= max(plan.rpo, timedelta(minutes=1))


@given(plans, st.integers(1, 10**6))
def test_a_clock_that_was_set_back_stops_nothing(plan: BackupPlan, seconds: int) -> None:
    ahead = NOW + timedelta(seconds=seconds)
    assert due(plan, History(whole=ahead, passed=ahead), NOW) is Due.BACKUP


@given(plans, histories)
def test_never_a_drill_without_a_backup_and_nothing_beside_another(plan: BackupPlan, history: History) -> None:
    said = due(plan, history, NOW)
    assert not (said is Due.DRILL and history.whole is None)
    assert not (said and history.running)


@given(plans, histories)
def test_a_verified_restore_counts_only_while_it_is_young_and_the_last_word(plan: BackupPlan, history: History) -> None:
    said = restore_state(plan, history, NOW)
    assert (said is Restore.NEVER) == (history.passed is None)
    if said is Restore.VALID:
        assert history.passed is not None
        assert NOW - history.passed <= plan.drill_every
        assert history.broken is None or history.broken <= history.passed


def test_backups_alone_prove_nothing() -> None:
    assert restore_state(plan_for(3), History(whole=NOW), NOW) is Restore.NEVER


@pytest.mark.parametrize(
    "wrong",
    [
        {"grade": 0}, {"grade": 6}, {"recovery_class": 7}, {"rpo": timedelta(seconds=-1)}, {"rto": timedelta(0)},
        {"every": timedelta(seconds=1)}, {"every": timedelta(days=2)}, {"drill_every": timedelta(0)}, {"keep": 1},
    ],
)  # fmt: skip
def test_a_plan_that_contradicts_itself_is_refused(wrong: dict[str, object]) -> None:
    sound = {name: getattr(plan_for(2), name) for name in BackupPlan.__slots__}
    with pytest.raises(PlanInvalid):
        BackupPlan(**(sound | wrong))


def test_a_higher_grade_is_never_promised_less() -> None:
    ladder = [plan_for(grade) for grade in range(1, 6)]
    for lower, higher in pairwise(ladder):
        assert higher.rpo <= lower.rpo
        assert higher.rto <= lower.rto
        assert higher.recovery_class >= lower.recovery_class
    with pytest.raises(PlanInvalid):
        plan_for(0)
