"""Events to bytes and back."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.errors import RecordMalformed
from audit.event import EVENT_BYTES, Event, EventKind, decode, encode
from tests.audit.city import event

EVENTS = st.builds(
    Event,
    id=st.text(max_size=64),
    kind=st.sampled_from(EventKind),
    at=st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=8))])),
    subject=st.text(),
    result=st.text(),
    department=st.text(),
    object=st.text(max_size=3000),
    action=st.text(),
    label=st.integers(0, 5),
    status=st.integers(0, 599),
    reason=st.text(),
    rule=st.text(),
    detail=st.dictionaries(st.text(max_size=80), st.text(max_size=400) | st.integers(-(2**53), 2**53), max_size=20),
)


@given(EVENTS)
def test_every_event_becomes_one_bounded_line_that_decodes_to_itself(one: Event) -> None:
    data = encode(one)
    assert len(data) <= EVENT_BYTES
    assert all(0x20 <= byte < 0x7F for byte in data[1:])
    assert encode(decode(data)) == data


@given(EVENTS)
def test_an_event_is_written_as_the_standard_library_writes_sorted_json(one: Event) -> None:
    data = encode(one)
    assert data[1:].decode() == json.dumps(json.loads(data[1:]), sort_keys=True, separators=(",", ":"))


def test_an_ordinary_event_comes_back_equal() -> None:
    one = event(7, object="/房屋/许可/7", detail={"person": "user:wang", "rows": 3})
    assert decode(encode(one)) == one


def test_times_are_written_as_utc_with_milliseconds() -> None:
    beijing = datetime(2026, 3, 1, 16, 0, 0, 7999, timezone(timedelta(hours=8)))
    assert b'"at":"2026-03-01T08:00:00.007Z"' in encode(event(at=beijing))


@pytest.mark.parametrize(
    "text", ["a\nb", "a\r\nb", "\x1b[2J", "a\u2028b", "a\u2029b", "\x85", "\u202e", "\ud800", "\0"]
)
def test_no_character_can_break_the_line_or_hide(text: str) -> None:
    data = encode(event(object=text, detail={text: text}))
    assert data[1:].decode("ascii").isprintable()
    assert json.loads(data[1:])["object"] == text


def test_what_is_too_long_is_cut_with_a_mark_and_still_recorded() -> None:
    one = decode(encode(event(object="/" + "𠮷" * 100_000, detail={f"k{n}": "值" * 1000 for n in range(40)})))
    assert one.object.endswith("…[cut]")
    assert len(one.detail) == 16
    assert one.detail["…[cut]"] == 25
    assert one.id == event().id


@pytest.mark.parametrize(
    "change",
    [
        lambda data: b"\x02" + data[1:],
        lambda data: data[:-1],
        lambda data: data + b" ",
        lambda data: data.replace(b'"label":3', b'"label":03'),
        lambda data: data.replace(b'"label":3', b'"label":3.0'),
        lambda data: data.replace(b'"label":3', b'"label":true'),
        lambda data: data.replace(b'"label":3,', b""),
        lambda data: data.replace(b'"label":3', b'"label":3,"label":3'),
        lambda data: data.replace(b'"kind":"decision"', b'"kind":"other"'),
        lambda data: data.replace(b"Z", b"+00:00"),
        lambda data: data.replace(b'"detail":{}', b'"detail":{"a":[1]}'),
        lambda data: b"\x01" + b"[" * 8000,
        lambda data: b"",
    ],
)
def test_bytes_that_are_not_exactly_ours_are_refused(change) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(RecordMalformed):
        decode(change(encode(event())))
