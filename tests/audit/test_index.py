"""The index is made from the log and can always be made again."""

import contextlib
import shutil
import sqlite3

from audit.index import people_of
from audit.search import Query, search
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


def test_a_record_is_about_everybody_it_names() -> None:
    one = event(
        1, object="/people/user:wang/roles", detail={"person": "01J8", "approver": "user:zhao", "role": "clerk"}
    )
    assert people_of(one) == {"user:li", "user:wang", "user:zhao", "01J8"}
