"""The index is made from the log and can always be made again."""

import contextlib
import shutil
import sqlite3
from dataclasses import replace

from audit.index import BLOCK, Index, people_of
from audit.search import Page, Query, search
from audit.tiles import Tiles
from tests.audit.city import City, event


def test_refresh_adds_only_what_is_new(city: City) -> None:
    city.write(event(1))
    city.integrate()
    assert city.refresh() == 2
    assert city.refresh() == 2
    city.write(event(2))
    city.integrate()
    assert city.refresh() == 4
    assert search(city.index, Query(person="user:li")).leaves == (3, 1)


def test_an_index_that_was_deleted_is_made_again_and_says_the_same(city: City) -> None:
    city.write(*(event(number) for number in range(20)))
    city.integrate()
    city.refresh()
    before = search(city.index, Query())
    city.index.unlink()
    city.refresh()
    assert search(city.index, Query()) == before
    assert city.verify().status == "intact"


def test_an_index_of_a_longer_log_is_made_anew(city: City) -> None:
    city.write(*(event(number) for number in range(20)))
    city.integrate()
    city.refresh()
    shutil.rmtree(city.log)
    shutil.rmtree(city.spools)
    city.write(event(1))
    city.integrate()
    assert city.refresh() == 2
    assert city.verify().status == "intact"


def test_an_index_that_was_gutted_is_named_and_filled_again(city: City) -> None:
    city.write(*(event(number) for number in range(20)))
    city.integrate()
    city.refresh()
    before = search(city.index, Query())
    with contextlib.closing(sqlite3.connect(city.index)) as connection:
        connection.execute("UPDATE covered SET size = 10")
        connection.execute("DELETE FROM record WHERE leaf >= 11")  # leaf 10 stays, to trip whoever fills it again
        connection.execute("DELETE FROM about WHERE leaf >= 11")
        connection.commit()
    assert {(one.kind, one.leaf) for one in city.verify().findings} == {("index", 10)}
    city.refresh()
    assert search(city.index, Query()) == before
    assert city.verify().status == "intact"


def test_an_index_of_an_older_program_says_nothing_and_is_made_anew(city: City) -> None:
    city.write(event(1))
    city.integrate()
    with contextlib.closing(sqlite3.connect(city.index)) as connection:
        connection.executescript("CREATE TABLE record (leaf INTEGER PRIMARY KEY, subject TEXT); CREATE TABLE about (x)")
    assert search(city.index, Query()) == Page(leaves=(), next=None, covered=0)
    city.refresh()
    assert search(city.index, Query()).leaves == (1, 0)
    assert city.verify().status == "intact"


def test_a_writer_notices_that_its_file_was_deleted(city: City) -> None:
    city.write(event(1))
    size = city.integrate()
    with contextlib.closing(Index(city.index)) as index:
        index.refresh(Tiles(city.log), size)
        city.index.unlink()
        index.refresh(Tiles(city.log), size)
    assert search(city.index, Query()).leaves == (1, 0)
    assert city.verify().status == "intact"


def test_a_search_goes_on_in_the_next_block(city: City) -> None:
    """Every question, asked page by page over the edge between two blocks, finds what a look at each record finds."""
    rare = {BLOCK - 2, BLOCK - 1, BLOCK, BLOCK + 1}
    events = [
        event(
            number, subject=f"user:{number % 50}", object=f"/{number % 7}/x", result="deny" if number in rare else "ok"
        )
        for number in range(BLOCK + 200)
    ]
    city.write(*events)
    city.integrate()
    city.refresh()
    at = dict(enumerate(events, 1))
    for query, wanted in [
        (Query(person="user:3"), lambda one: one.subject == "user:3"),
        (Query(object="/5/"), lambda one: one.object == "/5/x"),
        (Query(result="deny"), lambda one: one.result == "deny"),
        (Query(person="user:3", object="/5/"), lambda one: one.subject == "user:3" and one.object == "/5/x"),
        (Query(kind="decision", since=events[BLOCK - 150].at), lambda one: one.at >= events[BLOCK - 150].at),
        (Query(kind="decision", until=events[150].at), lambda one: one.at < events[150].at),
        (Query(request=events[BLOCK].id), lambda one: one.id == events[BLOCK].id),
    ]:
        found, page = [], search(city.index, query)
        found += page.leaves
        while page.next is not None:
            page = search(city.index, replace(query, before_leaf=page.next))
            found += page.leaves
        assert found == [leaf for leaf in reversed(at) if wanted(at[leaf])], query


def test_a_record_with_half_a_character_does_not_stop_the_others(city: City) -> None:
    city.write(event(1, object="/\ud800", detail={"person": "\udfff"}), event(2))
    city.integrate()
    assert city.refresh() == 3
    assert search(city.index, Query(person="user:li")).leaves == (2, 1)
    assert city.verify().status == "intact"


def test_a_record_is_about_everybody_it_names() -> None:
    one = event(
        1, object="/people/user:wang/roles", detail={"person": "01J8", "approver": "user:zhao", "role": "clerk"}
    )
    assert people_of(one) == {"user:li", "user:wang", "user:zhao", "01J8"}
