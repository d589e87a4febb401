"""The index is made from the log and can always be made again."""

import shutil

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


def test_a_record_is_about_everybody_it_names() -> None:
    one = event(
        1, object="/people/user:wang/roles", detail={"person": "01J8", "approver": "user:zhao", "role": "clerk"}
    )
    assert people_of(one) == {"user:li", "user:wang", "user:zhao", "01J8"}
