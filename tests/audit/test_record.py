"""Records, their chain and their framing."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.errors import RecordMalformed
from audit.record import GENESIS, Head, decode, join, link, split

SPOOL = b"\x01spool-1"


def test_the_layout_is_the_documented_one() -> None:
    data, head = link(SPOOL, b"event", Head(next=258, chain=GENESIS))
    chain = hashlib.sha256(GENESIS + b"\x01" + SPOOL + b"\0\0\0\0\0\0\x01\x02" + b"event").digest()
    assert data == b"\x01" + SPOOL + b"\0\0\0\0\0\0\x01\x02" + chain + b"event"
    assert head == Head(next=259, chain=chain)


@given(st.lists(st.binary(min_size=1, max_size=300)))
def test_linked_records_follow_one_another_and_split_again(events: list[bytes]) -> None:
    head, stored = Head(), []
    for event in events:
        before = head
        data, head = link(SPOOL, event, head)
        assert decode(data).follows(before)
        assert not decode(data[:-1] + bytes([data[-1] ^ 1])).follows(before)
        stored.append(data)
    framed = join(stored)
    assert split(framed) == (stored, len(framed))
    assert split(framed[:-1])[0] == stored[:-1]


@pytest.mark.parametrize("data", [b"", b"\x01" * 49, b"\x02" * 60])
def test_what_is_no_record_is_refused(data: bytes) -> None:
    with pytest.raises(RecordMalformed):
        decode(data)
