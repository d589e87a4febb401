"""The directory: a tree, pages by keyset, and text that is never a pattern."""

import unicodedata
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from idp.directory import PAGE_PEOPLE, Department, subtree
from idp.errors import PersonUnknown
from idp.store import person
from tests.idp.people import NOW, TREE, CityWithPeople, city_with_people


@pytest.fixture
def city(database_url: str) -> Iterator[CityWithPeople]:
    with city_with_people(database_url) as made:
        yield made


def pages(city: CityWithPeople, **asked: object) -> Iterator[list[str]]:
    after = ("", "")
    while page := city.directory.people(TREE, after=after, **asked):
        yield [one.id for one in page]
        after = (page[-1].name, page[-1].id)


def test_a_thousand_people_of_one_name_come_once_each_in_one_order(city: CityWithPeople) -> None:
    ids = [f"user:{number:04d}" for number in range(1000)]
    city.add(*["李伟"] * 1000, ids=reversed(ids))
    read = list(pages(city))
    assert [len(page) for page in read] == [PAGE_PEOPLE] * 20
    assert [one for page in read for one in page] == ids


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=3), max_size=120
    )
)
def test_pages_hold_everybody_once(city: CityWithPeople, names: list[str]) -> None:
    with city.database.transaction() as connection:
        connection.execute(person.delete())
    ids = [f"user:{number}" for number in range(len(names))]
    if names:
        city.add(*names, ids=ids)
    read = [one for page in pages(city) for one in page]
    assert sorted(read) == sorted(ids)


@pytest.mark.parametrize("name", ["𠮷田", "🏛", "𠀀", "é", "Ω"])
def test_names_outside_the_first_plane_are_found_whole_and_by_their_beginning(city: CityWithPeople, name: str) -> None:
    (identifier,) = city.add(name)
    city.add("吉田")
    assert city.directory.ids_of_name(name) == (identifier,)
    assert [one.id for one in city.directory.people(TREE, starts=name[0])] == [identifier]


def test_a_name_typed_in_pieces_is_the_same_name(city: CityWithPeople) -> None:
    (identifier,) = city.add("Zoë")
    decomposed = unicodedata.normalize("NFD", "Zoë")
    assert decomposed != "Zoë"
    assert city.directory.ids_of_name(decomposed) == (identifier,)
    assert [one.id for one in city.directory.people(TREE, starts=decomposed)] == [identifier]


@pytest.mark.parametrize("q", ["%", "_", "/", "\\", "'", '"', "a%", "%a", "' OR 1=1 --", "*", "["])
def test_what_is_looked_for_is_never_a_pattern(city: CityWithPeople, q: str) -> None:
    city.add("abc", "xyz")
    assert city.directory.people(TREE, starts=q) == []
    (identifier,) = city.add(f"{q}name", ids=["user:odd"])
    assert [one.id for one in city.directory.people(TREE, starts=q)] == [identifier]


def test_nobody_is_found_by_what_no_database_can_hold(city: CityWithPeople) -> None:
    city.add("li")
    assert city.directory.people(TREE, starts="li\0") == []
    assert city.directory.ids_of_name("\0") == ()
    with pytest.raises(PersonUnknown):
        city.directory.person("user:li\0")
    with pytest.raises(PersonUnknown), city.database.transaction() as connection:
        city.directory.hold(connection, "user:li\0")


def test_upper_and_lower_case_are_one_where_a_beginning_is_looked_for(city: CityWithPeople) -> None:
    (identifier,) = city.add("Zhang")
    assert [one.id for one in city.directory.people(TREE, starts="zHa")] == [identifier]


def test_people_of_other_departments_and_citizens_are_not_on_the_page(city: CityWithPeople) -> None:
    city.add("in")
    city.add("out", department="housing")
    city.add("citizen", department=None)
    inside = subtree(city.directory.departments(), "civil")
    assert [one.name for one in city.directory.people(inside)] == ["in"]
    assert city.directory.people([]) == []


def test_a_person_is_known_by_id_and_by_issuer_and_sub_together(city: CityWithPeople) -> None:
    (identifier,) = city.add("li")
    assert city.directory.person(identifier).not_before == NOW
    assert city.directory.person_of(iss="http://login.localhost:8080/realms/city", sub=identifier).id == identifier
    for iss, sub in (("http://evil.example", identifier), ("local", "li"), ("", ""), ("LOCAL", identifier)):
        with pytest.raises(PersonUnknown):
            city.directory.person_of(iss=iss, sub=sub)
    with pytest.raises(PersonUnknown):
        city.directory.person("li")


def test_names_are_given_for_those_who_are_known(city: CityWithPeople) -> None:
    city.add("li", "wang")
    assert city.directory.names(["user:li", "user:nobody", "user:li"]) == {"user:li": "li"}
    assert city.directory.names([]) == {}


def test_a_subtree_is_the_root_and_everything_below_it(city: CityWithPeople) -> None:
    tree = city.directory.departments()
    assert subtree(tree, "city") == set(TREE)
    assert subtree(tree, "civil") == {"civil", "civil-registry"}
    assert subtree(tree, "nowhere") == set()


@given(st.dictionaries(st.integers(0, 9), st.one_of(st.none(), st.integers(0, 9)), max_size=10), st.integers(0, 9))
def test_a_subtree_is_what_a_walk_upwards_finds_even_in_a_tree_that_is_none(parents: dict, root: int) -> None:
    tree = {
        str(one): Department(id=str(one), parent=None if above is None else str(above), name_zh="", name_en="")
        for one, above in parents.items()
    }

    def is_below(one: int | None) -> bool:
        seen = set()
        while one is not None and one not in seen and one in parents:
            if one == root:
                return True
            seen.add(one)
            one = parents[one]
        return False

    assert subtree(tree, str(root)) == {str(one) for one in parents if root in parents and is_below(one)}
