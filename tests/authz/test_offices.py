"""The offices' own rules, as values; `tests/personas` asks them at the door."""

import re
from itertools import combinations

from authz import offices
from authz.decide import decide
from authz.hierarchy import Inheritance
from authz.label import Label
from authz.policy import Assignment, PolicySet
from authz.request import AccessRequest, Effect
from console.routes import console_routes
from gateway.routes import Route
from tests.idp.people import NOW

INHERITS = [Inheritance(role=role, inherits=inherits) for role, inherits in offices.INHERITS]


def may(role: str, object_: str, action: str, *, held_in: str = "city", department: str = "city") -> bool:
    held = [Assignment(id="a", subject="user:li", role=role, department=held_in, clearance=Label.L5)]
    policies = PolicySet.build(offices.RULES, held, inherits=INHERITS, parents={"civil": "city", "housing": "city"})
    request = AccessRequest(
        id="01J",
        at=NOW,
        subject="user:li",
        department=department,
        object=object_,
        action=action,
        label=Label.L1,
        ceiling=Label.L5,
    )
    return decide(policies, request).effect is Effect.PERMIT


def test_the_three_and_the_department_administrator_exclude_each_other() -> None:
    assert offices.THREE < offices.EXCLUSIVE
    assert {offices.DEPARTMENT_ADMINISTRATOR} == offices.EXCLUSIVE - offices.THREE


def test_no_two_exclusive_offices_share_a_verb_but_people_roles_and_machines_or_what_only_reads() -> None:
    verbs = {office: {rule.action for rule in offices.RULES if rule.subject == office} for office in offices.EXCLUSIVE}
    shared = {verb for one, other in combinations(verbs, 2) for verb in verbs[one] & verbs[other]}
    reads, machines = {"backup:read", "zone:read"}, {f"machine:{verb}" for verb in ("read", "start", "stop", "delete")}
    assert shared == {"people:read", "role:assign", "role:revoke"} | reads | machines
    assert verbs[offices.AUDIT_ADMINISTRATOR] == {"audit:read", "backup:read"}


def test_no_office_has_a_wildcard_of_verbs_or_a_rule_outside_the_console() -> None:
    assert all(rule.action != "*" and rule.object.startswith("/console/") for rule in offices.RULES)
    assert all(rule.effect is Effect.PERMIT for rule in offices.RULES)


def test_a_department_administrators_desk_ends_with_his_tree() -> None:
    path = "/console/departments/civil/people"
    role = offices.DEPARTMENT_ADMINISTRATOR
    assert may(role, path, "people:read", held_in="civil", department="civil")
    assert may(role, path, "people:read", held_in="city", department="civil")
    assert not may(role, path, "people:read", held_in="housing", department="civil")
    assert not may(role, path, "people:read", held_in="civil", department="city")


def test_everybody_who_signs_in_ends_her_own_sessions_and_no_office_is_needed() -> None:
    for role in (offices.CITIZEN, offices.STAFF):
        assert may(role, "/console/", "read")
        assert may(role, "/console/sessions/end-all", "session:end")
        assert not may(role, "/console/audit", "audit:read")
        assert not may(role, "/console/jobs/sweep", "job:run")


def test_every_office_has_its_name_in_both_languages() -> None:
    assert all(len(words) == 4 and all(words) for words in offices.NAMES.values())
    assert set(offices.NAMES) >= offices.EXCLUSIVE | {offices.CITIZEN, offices.STAFF, offices.CLOCK}


def test_the_clearance_given_where_none_is_stated_opens_every_desk_of_the_role() -> None:
    desks = console_routes("console.localhost")
    for role in offices.NAMES:
        labels = [
            route.label for route in desks for action in route.actions.values()
            if not route.public and may(role, object_of(route), action)
        ]  # fmt: skip
        assert offices.clearance_for(role) == max([Label.L2, *labels]), role
    assert offices.clearance_for("marriage-clerk") == Label.L2


def object_of(route: Route) -> str:
    """A path that the route matches, as the PDP is asked about it."""
    return f"/console{re.sub(r'{[^}]+}', 'x', route.about)}"
