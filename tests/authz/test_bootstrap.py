"""The founding: two of each of the three, whole or not at all, and once."""

import tomllib
from collections.abc import Iterator
from copy import deepcopy
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from authz import bootstrap, offices, store
from authz.bootstrap import CLOCK, Founding
from authz.errors import AlreadySealed, PolicyInvalid
from authz.policy import PolicySet, Rule
from authz.register import Register
from authz.request import Effect
from idp import store as identity
from idp.access_key import AccessKeys, digest
from idp.directory import Directory
from storage.database import Database
from tests.idp.people import NOW

CITY = tomllib.loads((Path(__file__).parents[2] / "deploy/demo/city.toml").read_text())
TABLES = (
    identity.department,
    identity.person,
    identity.access_key,
    store.system,
    store.role,
    store.rule,
    store.assignment,
    store.may_grant,
    store.seal,
)
RULE = Rule(id="r1", subject="citizen", department="civil", object="/marriage/*", action="read", effect=Effect.PERMIT)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    made.migrate()
    yield made
    made.close()


def founding(city: dict[str, Any] = CITY, **changes: Any) -> Founding:
    logins = [person["login"] for person in city["people"]]
    values = {
        "city": city,
        "policy": PolicySet.build([RULE], []),
        "iss": "local",
        "subs": {one: one for one in logins},
        "ids": {one: f"user:{one}" for one in logins},
        "at": NOW,
        "record": "01FOUNDING",
    }
    return Founding(**values | changes)


def found(database: Database, what: Founding | None = None) -> dict[str, str]:
    numbers = count()
    return bootstrap.found_city(database, what or founding(), mint=lambda: f"id-{next(numbers)}")


def rows(database: Database, table: sa.Table) -> list[dict[str, Any]]:
    with database.transaction() as connection:
        return [dict(row) for row in connection.execute(sa.select(table)).mappings()]


def holders(database: Database, role: str) -> set[str]:
    return {row["subject"] for row in rows(database, store.assignment) if row["role"] == role}


def test_there_are_two_of_each_of_the_three_and_nobody_holds_two(database: Database) -> None:
    found(database)
    three = [holders(database, office) for office in sorted(offices.THREE)]
    assert [len(each) for each in three] == [2, 2, 2]
    assert len(set().union(*three)) == 6
    every = [holders(database, office) for office in sorted(offices.EXCLUSIVE)]
    assert len(set().union(*every)) == sum(len(each) for each in every)


@pytest.mark.parametrize("people", [-1, +1])
@pytest.mark.parametrize("office", sorted(offices.THREE))
def test_another_number_is_no_founding(database: Database, office: str, people: int) -> None:
    city = deepcopy(CITY)
    one = next(person for person in city["people"] if person["role"] == office)
    if people < 0:
        city["people"].remove(one)
    else:
        city["people"].append(one | {"login": "extra"})
    with pytest.raises(PolicyInvalid) as refused:
        found(database, founding(city))
    assert refused.value.entry == office
    assert nothing_in(database)


@pytest.mark.parametrize(
    "wrong",
    [{"clearance": 6}, {"clearance": 0}, {"may_grant": [{"role": "staff", "department": "city", "ceiling": 9}]}],
)
def test_a_clearance_that_is_no_label_is_no_founding(database: Database, wrong: dict[str, Any]) -> None:
    city = deepcopy(CITY)
    city["people"][-1] |= wrong
    with pytest.raises(PolicyInvalid) as refused:
        found(database, founding(city))
    assert refused.value.entry == city["people"][-1]["login"]
    assert nothing_in(database)


def test_a_second_founding_is_refused_and_changes_nothing(database: Database) -> None:
    found(database)
    before = [rows(database, table) for table in TABLES]
    with pytest.raises(AlreadySealed):
        found(database)
    assert [rows(database, table) for table in TABLES] == before


@pytest.mark.parametrize("break_at", ["system", "role", "person", "mandate", "clock"])
def test_a_failure_in_the_middle_leaves_nothing(database: Database, break_at: str) -> None:
    city = deepcopy(CITY)
    if break_at == "system":
        del city["systems"][-1]["label"]
        city["systems"][-1]["label"] = None
    elif break_at == "role":
        city["roles"].append(city["roles"][0])
    elif break_at == "person":
        city["people"][-1]["department"] = "nowhere"
    elif break_at == "mandate":
        city["people"][-1]["may_grant"] = [{"role": "no-such-role", "department": "city", "ceiling": 3}]
    what = founding(city)
    if break_at == "clock":
        with database.transaction() as connection:
            broken = (
                "CREATE TRIGGER broken BEFORE INSERT ON access_key "
                f"WHEN NEW.subject = '{CLOCK}' BEGIN SELECT RAISE(ABORT, 'no'); END"
            )
            if connection.dialect.name == "postgresql":
                broken = f"ALTER TABLE access_key ADD CHECK (subject <> '{CLOCK}')"
            connection.exec_driver_sql(broken)
    with pytest.raises(sa.exc.IntegrityError):
        found(database, what)
    assert nothing_in(database)


def test_every_row_names_the_record_of_the_founding(database: Database) -> None:
    found(database)
    for table in TABLES:
        if "record" in table.c:
            assert {row["record"] for row in rows(database, table)} == {"01FOUNDING"}, table.name


def test_each_person_and_the_clock_has_a_key_that_is_over_one_day(database: Database) -> None:
    keys = found(database)
    assert set(keys) == {person["login"] for person in CITY["people"]} | {CLOCK}
    known = AccessKeys(database, clock=lambda: NOW)
    told = {login: known.find(digest(key)) for login, key in keys.items()}
    assert {login: holder.subject for login, holder in told.items() if login != CLOCK} == {
        p["login"]: f"user:{p['login']}" for p in CITY["people"]
    }
    assert (told[CLOCK].subject, told[CLOCK].assurance) == (CLOCK, 2)
    assert all(holder.expires_at > NOW for holder in told.values())


def test_the_city_decides_by_its_own_rules_and_the_products(database: Database) -> None:
    found(database)
    policies = Register(database, Directory(database), public=tuple).policies(version=1)
    assert "01FOUNDING-r1" in policies.rules
    assert set(policies.rules) > {rule.id for rule in offices.RULES}
    assert policies.chain("civil-registry") == ("civil-registry", "civil", "city")


def test_no_superuser_remains(database: Database) -> None:
    """Nobody may give any of the three, and no mandate reaches its own holder's exclusive office."""
    found(database)
    assert not {row["role"] for row in rows(database, store.may_grant)} & offices.THREE


def nothing_in(database: Database) -> bool:
    return all(rows(database, table) == [] for table in TABLES)
