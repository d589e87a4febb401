"""Found the city once: departments, systems, rules, people and their first offices; then the founding is sealed.

No superuser remains: two system, two security and two audit administrators (AB角) are all there is, and nobody can
run this again.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from authz import offices, store
from authz.administer import RoleAssignment, check_separation, insert_assignment
from authz.errors import AlreadySealed, PolicyInvalid
from authz.label import Label
from authz.policy import PolicySet
from idp import access_key
from idp.directory import Person, normal
from idp.founding import insert_department, insert_person
from storage import advisory
from storage.database import Database
from storage.witness import rows

CLOCK = "service:clock"
_EACH_OFFICE = 2
_MACHINE_KEY_LIFETIME = timedelta(days=3650)


@dataclass(frozen=True, slots=True, kw_only=True)
class Founding:
    """What a city is founded with. `city` holds the tables of a city file; `policy` holds the rules of its systems."""

    city: Mapping[str, Any]
    policy: PolicySet
    iss: str
    subs: Mapping[str, str]  # login → sub at the issuer
    ids: Mapping[str, str]  # login → "user:01J…"
    at: datetime
    record: str  # of the founding itself
    also: Callable[[Connection], None] = lambda _: None  # what rooms above this one found in the same transaction


def found_city(
    database: Database,
    founding: Founding,
    *,
    mint: Callable[[], str],
    also: Callable[[Connection], None] = lambda _connection: None,
    keep_record: Callable[[Mapping[str, str]], None] = lambda _rows: None,
) -> dict[str, str]:
    """Write everything in one transaction. Return the access key of each login, and that of the clock-job.

    `mint` makes ids. `also` writes what else the city begins with, in the same transaction. `keep_record` gets the
    digest of every row and records it before the transaction is committed, so no row counts without its record.

    Raises AlreadySealed if the city was founded before, PolicyInvalid if an office is not filled twice or a label is
    none, SeparationOfDuty, and KeyError for a city file that lacks a field. Nothing is written then.
    """
    _check_offices(founding.city["people"])
    with database.transaction() as connection:
        advisory.hold(connection, "founding")
        if connection.execute(sa.select(sa.func.count()).select_from(store.seal)).scalar_one():
            raise AlreadySealed
        _insert_places(connection, founding)
        _insert_rules(connection, founding)
        founding.also(connection)
        keys = {p["login"]: _insert_person(connection, founding, p, mint) for p in founding.city["people"]}
        keys[CLOCK] = _insert_clock(connection, founding, mint)
        also(connection)
        connection.execute(sa.insert(store.seal).values(id=1, sealed_at=founding.at, record=founding.record))
        keep_record({row.key: row.digest for row in rows(connection)})
    return keys


def _check_offices(people: list[dict[str, Any]]) -> None:
    for person in people:
        ceilings = [right["ceiling"] for right in person.get("may_grant", ())]
        if {person["clearance"], *ceilings} - set(Label):
            raise PolicyInvalid("a clearance or ceiling is not a label", entry=person["login"])
    held = Counter(person["role"] for person in people)
    for office in sorted(offices.THREE):
        if held[office] != _EACH_OFFICE:
            raise PolicyInvalid(f"{held[office]} people hold this office; the founding needs two", entry=office)


def _insert_places(connection: Connection, founding: Founding) -> None:
    for row in founding.city["departments"]:
        insert_department(connection, row, record=founding.record)
    for row in founding.city["systems"]:
        connection.execute(sa.insert(store.system).values({**row, "record": founding.record}))
    for row in founding.city.get("zones", ()):
        connection.execute(sa.insert(store.zone).values({**row, "record": founding.record}))


def _insert_rules(connection: Connection, founding: Founding) -> None:
    columns = ("id", "name_zh", "name_en", "allows_zh", "allows_en")
    own = [dict(zip(columns, (name, *words), strict=True)) for name, words in offices.NAMES.items()]
    roles = [{**row, "record": founding.record} for row in (*own, *founding.city["roles"])]
    connection.execute(sa.insert(store.role), roles)
    for rule in founding.policy.rules.values():
        connection.execute(
            sa.insert(store.rule).values(
                id=f"{founding.record}-{rule.id}",
                subject=rule.subject,
                department=rule.department,
                object=rule.object,
                action=rule.action,
                effect=rule.effect,
                record=founding.record,
            )
        )


def _insert_person(
    connection: Connection, founding: Founding, person: Mapping[str, Any], mint: Callable[[], str]
) -> str:
    login = person["login"]
    identifier = founding.ids[login]
    new = Person(
        id=identifier, iss=founding.iss, sub=founding.subs[login], login=login, name=normal(person["name"]),
        department=person.get("department"), not_before=founding.at, record=founding.record,
    )  # fmt: skip
    insert_person(connection, new)
    roles = [person["role"]] if person["role"] in (offices.CITIZEN, offices.STAFF) else [offices.STAFF, person["role"]]
    for role in roles:
        check_separation(connection, subject=identifier, role_id=role, at=founding.at)
        department = person.get("department", "city") if role == offices.DEPARTMENT_ADMINISTRATOR else "city"
        insert_assignment(
            connection,
            _assignment(founding, mint(), identifier, role, department=department, clearance=person["clearance"]),
        )
    for number, right in enumerate(person.get("may_grant", ()), 1):
        values = {"id": f"{login}-{number}", "subject": identifier, "record": founding.record, **right}
        connection.execute(sa.insert(store.may_grant).values(values))
    until = founding.at + access_key.LIFETIME
    return access_key.issue(connection, identifier, assurance=3, expires_at=until, record=founding.record)


def _insert_clock(connection: Connection, founding: Founding, mint: Callable[[], str]) -> str:
    insert_assignment(connection, _assignment(founding, mint(), CLOCK, offices.CLOCK, department="city", clearance=2))
    until = founding.at + _MACHINE_KEY_LIFETIME
    return access_key.issue(connection, CLOCK, assurance=2, expires_at=until, record=founding.record)


def _assignment(
    founding: Founding, identifier: str, subject: str, role: str, *, department: str, clearance: int
) -> RoleAssignment:
    return RoleAssignment(
        id=identifier, subject=subject, role=role, department=department, clearance=clearance, expires_at=None,
        reason="founding", given_by="bootstrap", given_at=founding.at, record=founding.record,
        revoked_by=None, revoked_at=None, revoke_record=None,
    )  # fmt: skip
