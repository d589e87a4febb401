"""Hours: what ran is counted once, in the month in which it ran, and deleting stops the meter."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.city_time import CITY_TIME
from infra.metering import StateChange, meter, month
from infra.quota import Size

BEGIN = datetime(2026, 11, 1, tzinfo=CITY_TIME)
END = datetime(2026, 12, 1, tzinfo=CITY_TIME)
SIZE = Size(4, 8, 50)


def at(hours: float, state: str) -> StateChange:
    return StateChange(BEGIN + timedelta(hours=hours), state)


steps = st.lists(
    st.tuples(st.integers(-100, 1000), st.sampled_from(["placing", "running", "stopped", "deleted"])), max_size=8
).map(lambda all_: [at(hour, state) for hour, state in sorted(all_, key=lambda step: step[0])])


@given(steps)
def test_it_counts_what_an_hour_by_hour_walk_counts(changes: list[StateChange]) -> None:
    ran = existed = 0
    for hour in range(720):
        now = BEGIN + timedelta(hours=hour)
        state = next((state for begun, state in reversed(changes) if begun <= now), "")
        ran += state == "running"
        existed += state in ("running", "stopped")
    cost = meter(changes, SIZE, since=BEGIN, until=END)
    assert (cost.running_seconds, cost.disk_gib_seconds) == (ran * 3600, existed * 3600 * 50)
    assert (cost.cpu_seconds, cost.memory_gib_seconds) == (ran * 3600 * 4, ran * 3600 * 8)


@given(steps, st.integers(0, 720))
def test_two_parts_of_a_month_add_up_to_the_month(changes: list[StateChange], cut: int) -> None:
    middle = BEGIN + timedelta(hours=cut)
    parts = [meter(changes, SIZE, since=a, until=b).cpu_seconds for a, b in ((BEGIN, middle), (middle, END))]
    assert sum(parts) == meter(changes, SIZE, since=BEGIN, until=END).cpu_seconds


def test_a_machine_that_is_stopped_costs_its_disk_and_one_that_is_deleted_nothing() -> None:
    stopped = meter(
        [at(0, "placing"), at(1, "running"), at(3, "stopped")], SIZE, since=BEGIN, until=BEGIN + timedelta(hours=5)
    )
    assert (stopped.running_seconds, stopped.disk_gib_seconds) == (2 * 3600, 4 * 3600 * 50)
    gone = meter([at(1, "running"), at(3, "deleted")], SIZE, since=BEGIN, until=END)
    assert (gone.running_seconds, gone.disk_gib_seconds) == (2 * 3600, 2 * 3600 * 50)


def test_months_end_at_midnight_in_the_city() -> None:
    now = datetime(2026, 12, 15, tzinfo=UTC)
    assert month("2026-11", now=now) == (BEGIN, END, True)
    assert month("2026-12", now=now) == (END, now, False)


@pytest.mark.parametrize("text", ["2027-01", "2026-13", "november", "", "2026-1", "2026-11-01", "<x>", "２０２６-11"])
def test_no_other_text_is_a_month(text: str) -> None:
    with pytest.raises(ValueError):
        month(text, now=datetime(2026, 12, 15, tzinfo=UTC))
