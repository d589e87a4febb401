"""The judgement alone: rows, leaves and words as plain values, against a history in which anything may be tampered with."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.event import Event, EventKind
from audit.reconcile import DIFFERS, NO_RECORD, NOT_IN_LOG, ROW_GONE, UNPROVEN, Judge, Reconciled, is_recent
from audit.witnessed_rows import Last, rows_in
from storage.witness import GONE, Row

NOW = datetime(2026, 5, 1, tzinfo=UTC)
A, B = "a" * 32, "b" * 32


def told(record: str, detail: dict[str, str], kind: EventKind = EventKind.OUTCOME) -> Event:
    return Event(id=record, kind=kind, at=NOW - timedelta(days=4), subject="user:li", result="ok", detail=detail)


def judge(
    log: list[Event | None], rows: list[Row], *, stays: timedelta | None = None, ids: dict[int, str] | None = None,
    indexed: int = 99,
) -> Reconciled:  # fmt: skip
    """`ids`: of the leaves whose proof fails; `indexed`: how many leaves there were when it was asked who speaks."""
    spoken: dict[str, Last] = {}
    for leaf, event in enumerate(log[:indexed]):
        for key in rows_in(event) if event else ():
            spoken[key] = Last(key, spoken[key].first if key in spoken else leaf, leaf)
    for leaf, key in (ids or {}).items():
        spoken[key] = Last(key, min(leaf, spoken[key].first) if key in spoken else leaf, leaf)

    def records(identifier: str) -> list[tuple[int, Event | None]]:
        return [(leaf, event) for leaf, event in enumerate(log) if event and event.id == identifier]

    return Judge(spoken, records, lambda leaf: log[leaf], now=NOW).compare(rows, stays=lambda _key: stays)


def row(digest: str, *records: str, key: str = "t 1") -> Row:
    return Row("t", "1", records, ("role:assign",), key, digest)


def kinds(answer: Reconciled) -> list[tuple[str, int | None]]:
    return [(one.kind, one.leaf) for one in answer.found]


def test_each_way_to_disagree_has_its_name() -> None:
    log = [told("01J", {"t 1": A})]
    assert kinds(judge(log, [row(A, "01J")])) == []
    assert kinds(judge(log, [row(B, "01J")])) == [(DIFFERS, 0)]
    assert kinds(judge(log, [row(A)])) == []  # the last word says that it named nothing
    assert kinds(judge(log, [row(B)])) == [(NO_RECORD, 0)]
    assert kinds(judge(log, [row(A, "01K"), row(A, "01K", key="t 2")])) == [(NOT_IN_LOG, None)]
    assert kinds(judge([told("01J", {})], [row(A, "01J")])) == [(DIFFERS, None)]
    assert kinds(judge([None], [row(A, "01J")], ids={0: "t 1"})) == [(UNPROVEN, 0)]
    assert kinds(judge(log, [])) == [(ROW_GONE, 0)]


def test_what_was_permitted_or_refused_is_no_witness() -> None:
    for kind in (EventKind.DECISION, EventKind.REFUSAL, EventKind.COUNTED):
        assert kinds(judge([told("01J", {"t 1": A}, kind)], [row(A, "01J")])) == [(DIFFERS, None)]


def test_a_row_set_back_to_what_it_was_is_found() -> None:
    log = [told("01J", {"t 1": A}), told("01K", {"t 1": B})]
    assert kinds(judge(log, [row(A, "01J")])) == [(DIFFERS, 1)]
    assert kinds(judge(log, [row(B, "01K", "01J")])) == []


def test_two_processes_may_tell_it_the_other_way_round() -> None:
    log = [told("01K", {"t 1": B}), told("01J", {"t 1": A})]
    assert kinds(judge(log, [row(B, "01K", "01J")])) == []
    assert kinds(judge(log, [row("c" * 32, "01K", "01J")])) == [(DIFFERS, 1)]


def test_a_row_may_go_when_a_record_says_so_or_its_time_is_over() -> None:
    log = [told("01J", {"t 1": A}), told("01K", {"t 1": GONE})]
    assert kinds(judge(log, [])) == []
    assert kinds(judge(log, [row(A, "01J")])) == [(DIFFERS, 1)]
    assert kinds(judge(log[:1], [], stays=timedelta(hours=72))) == []
    assert kinds(judge(log[:1], [], stays=timedelta(hours=100))) == [(ROW_GONE, 0)]


def test_a_table_with_many_findings_hides_no_other() -> None:
    many = [Row("a", str(number), (), (), f"a {number}", A) for number in range(150)]
    answer = judge([], [*many, row(A)])
    assert (answer.count, len(answer.found)) == (151, 101)
    assert answer.found[-1].table == "t"


def test_at_most_a_hundred_are_named_and_all_are_counted() -> None:
    answer = judge([], [row(A, key=f"t {n}") for n in range(150)])
    assert (answer.count, len(answer.found), answer.rows) == (150, 100, 150)


_histories = st.lists(st.sampled_from([A, B, "c" * 32]), min_size=1, max_size=6)


@given(_histories, st.sampled_from([A, B, "c" * 32]))
def test_whatever_was_written_only_the_last_state_agrees(history: list[str], now: str) -> None:
    log = [told(f"01{n:024d}", {"t 1": digest}) for n, digest in enumerate(history)]
    answer = judge(log, [row(now, log[-1].id)])
    assert (answer.count == 0) == (now == history[-1])


def minted(at: datetime) -> str:
    """A ULID of that moment."""
    milliseconds, text = int(at.timestamp() * 1000), ""
    for _ in range(10):
        milliseconds, digit = divmod(milliseconds, 32)
        text = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"[digit] + text
    return text + "0" * 16


@given(st.integers(-(10**9), 10**9))
def test_only_an_id_of_the_last_minute_is_recent(seconds: int) -> None:
    assert is_recent(minted(NOW - timedelta(seconds=seconds)), NOW) == (0 <= seconds < 60)


@given(st.text(max_size=30))
def test_what_is_no_id_is_never_recent(text: str) -> None:
    assert not is_recent(text, NOW)
    assert not is_recent("Z" * 26, NOW)


def decided(record: str, action: str = "role:assign") -> Event:
    return told(record, {}, EventKind.DECISION)._replace(action=action)


@pytest.mark.parametrize("before", [[], [told("01J", {"t 1": A})]])
def test_what_is_under_way_is_counted_until_its_minute_is_over(before: list[Event]) -> None:
    recent, old = minted(NOW - timedelta(seconds=59)), minted(NOW - timedelta(seconds=61))
    for record, counted in ((recent, (1, 0)), (old, (0, 1))):
        answer = judge([*before, decided(record)], [row(B, record, "01J")])
        assert (answer.recent, answer.count) == counted
    spoken = judge([*before, decided(recent), told(recent, {"t 1": A})], [row(B, recent)])
    assert (spoken.recent, spoken.count) == (0, 1)  # its act has said what the row was


@pytest.mark.parametrize("before", [[], [told("01J", {"t 1": A})]])
def test_a_fresh_id_is_no_excuse_for_a_row_that_such_an_act_does_not_write(before: list[Event]) -> None:
    recent = minted(NOW - timedelta(seconds=5))
    others = [
        [],  # nobody asked for anything under it
        [decided(recent, "read")],
        [decided(recent, "session:end")],
        [decided(recent)._replace(kind=EventKind.REFUSAL)],
        [decided(recent), told(recent, {})],  # it is over, and spoke of other rows
        [decided(recent), told(recent, {"t 2": B})],
    ]
    for log in others:
        answer = judge([*before, *log], [row(B, recent, "01J")])
        assert (answer.recent, answer.count, answer.awaited) == (0, 1, 0 if log else 1)


@pytest.mark.parametrize("before", [[], [told("01J", {"t 1": A})]])
def test_what_an_act_said_while_the_rows_were_judged_is_no_finding_and_no_excuse_for_another(
    before: list[Event],
) -> None:
    recent = minted(NOW - timedelta(seconds=1))
    log = [*before, decided(recent), told(recent, {"t 1": B})]
    for digest, counted in ((B, (1, 0)), ("c" * 32, (0, 1))):
        answer = judge(log, [row(digest, recent)], indexed=len(before))
        assert (answer.recent, answer.count) == counted


def test_what_a_refusal_leaves_behind_is_under_way_too() -> None:
    recent = minted(NOW - timedelta(seconds=5))
    refused = told(recent, {}, EventKind.REFUSAL)._replace(reason="approver")
    parked = Row("t", "1", (recent,), ("approver",), "t 1", A)
    assert (judge([refused], [parked]).recent, judge([refused], [row(A, recent)]).recent) == (1, 0)
