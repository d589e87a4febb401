"""Searching and reading: the index only points, the proof decides."""

from datetime import timedelta
from pathlib import Path

import pytest

from audit import merkle
from audit.errors import CheckpointInvalid, ProofInvalid
from audit.event import EventKind
from audit.search import Query, read, search
from crypto.sign import SigningKey
from tests.audit.city import KEY, NOW, ORIGIN, City, event


@pytest.fixture
def built(city: City) -> City:
    city.write(
        event(1, object="/permits/1"),
        event(2, object="/permits/12", subject="user:wang", result="deny", kind=EventKind.REFUSAL),
        event(3, object="/roles", subject="user:zhao", detail={"person": "user:li", "role": "clerk"}),
        event(4, object="/permit", result="deny"),
        event(4, object="/permit", kind=EventKind.OUTCOME, result="ok"),
    )
    city.integrate()
    city.refresh()
    return city


@pytest.mark.parametrize(
    ("query", "leaves"),
    [
        (Query(), (5, 4, 3, 2, 1, 0)),
        (Query(person="user:li"), (5, 4, 3, 1)),
        (Query(person="user:li", result="permit"), (3, 1)),
        (Query(object="/permits/"), (2, 1)),
        (Query(object="/permits/1"), (2, 1)),
        (Query(object="/permits/12"), (2,)),
        (Query(object="%"), ()),
        (Query(result="deny"), (4, 2)),
        (Query(request="request-000004"), (5, 4)),
        (Query(kind="refusal"), (2,)),
        (Query(since=NOW + timedelta(seconds=2), until=NOW + timedelta(seconds=4)), (3, 2)),
        (Query(before_leaf=2), (1, 0)),
        (Query(person="' OR 1=1 --"), ()),
    ],
)
def test_questions(built: City, query: Query, leaves: tuple[int, ...]) -> None:
    assert search(built.index, query).leaves == leaves


def test_pages_meet_without_gap_or_overlap(built: City) -> None:
    found, cursor = [], None
    while True:
        page = search(built.index, Query(before_leaf=cursor, limit=2))
        found += page.leaves
        if (cursor := page.next) is None:
            break
    assert found == [5, 4, 3, 2, 1, 0]


@pytest.mark.parametrize("limit", [0, 101])
def test_a_page_is_bounded(limit: int) -> None:
    with pytest.raises(ValueError, match="limit"):
        Query(limit=limit)


def test_a_record_comes_with_what_proves_it(built: City) -> None:
    one = read(built.log, 3, key=KEY.public, origin=ORIGIN)
    assert one.event == event(3, object="/roles", subject="user:zhao", detail={"person": "user:li", "role": "clerk"})
    merkle.check_inclusion(
        merkle.hash_leaf(one.record), 3, list(one.path), size=one.checkpoint.size, root=one.checkpoint.root
    )
    assert one.sequence == 3


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def test_a_changed_record_is_never_shown(built: City) -> None:
    path = built.log / "tile/entries/000.p/6"
    flip(path, path.read_bytes().index(b"user:wang"))
    with pytest.raises(ProofInvalid):
        read(built.log, 2, key=KEY.public, origin=ORIGIN)


def test_a_changed_hash_proves_nothing(built: City) -> None:
    flip(built.log / "tile/0/000.p/6", 0)
    with pytest.raises(ProofInvalid):
        read(built.log, 1, key=KEY.public, origin=ORIGIN)


def test_a_leaf_outside_or_another_key_is_refused(built: City) -> None:
    with pytest.raises(ProofInvalid):
        read(built.log, 6, key=KEY.public, origin=ORIGIN)
    with pytest.raises(CheckpointInvalid):
        read(built.log, 1, key=SigningKey(bytes(32)).public, origin=ORIGIN)
