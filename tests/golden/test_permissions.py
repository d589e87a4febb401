"""Office × action × route: whoever may do something today may do it tomorrow, and nobody else."""

import re

from tests.founded_city import CONSOLE, CityDoor
from tests.golden.product import ANONYMOUS, NAMES, Law, routes
from tests.golden.text import compare

_EXPLANATION = """
A row is: method, path, action: which office may. Each office holds its one role with clearance 3 and has signed in with
a code; nobody else is named than who may. `own` and `other`: her own department's object, another one's; an office of the
whole city is asked for both too, and is named without a word where both are the same.
`with X, Y`: an act that a second person approves, and who may approve it.
`public` is everybody, signed in or not.
"""
_DEPARTMENTS = {"own": ("civil", "marriage"), "other": ("housing", "housing")}  # and a system of each
_OF_A_DEPARTMENT = ("department-administrator", "key-user")
_OFFICES = tuple(sorted(NAMES))
_VALUES = {"zone": "core", "to": "extranet", "protocol": "tcp", "port": "443"}


def _subject(office: str) -> str:
    return ANONYMOUS if office == ANONYMOUS else f"user:{office}"


def _second(office: str, whose: str) -> str:
    """Another person of that office, who holds it where the object is."""
    return f"user:{office}-{whose}"


def _law(door: CityDoor) -> Law:
    law = Law.of(door)
    for office in _OFFICES:
        for subject, whose in ((_subject(office), "own"), *((_second(office, one), one) for one in _DEPARTMENTS)):
            home = _DEPARTMENTS[whose][0] if office in _OF_A_DEPARTMENT else "city"
            law = law.holding(subject, office, department=home)
    return law


def _target(path: str, whose: str) -> str:
    department, system = _DEPARTMENTS[whose]
    values = _VALUES | {"department": department, "system": system}
    return re.sub(r"\{([a-z]+)\}", lambda found: values.get(found[1], "01J"), path)


def _verdict(law: Law, method: str, path: str, office: str, whose: str) -> str:
    """Nothing: no; `may`; or with whom."""
    target, subject = _target(path, whose), _subject(office)
    said = law.decide(method, target, subject)
    if said.reason != "approver":
        return "may" if said.effect == "permit" else ""
    approved = {one: law.decide(method, target, subject, approver=_second(one, whose)) for one in _OFFICES}
    return f"with {', '.join(one for one, decision in approved.items() if decision.effect == 'permit')}"


def _may(law: Law, method: str, path: str, office: str) -> str:
    """What stands in the row of this office, or "" where it may not."""
    said = {whose: _verdict(law, method, path, office, whose) for whose in _DEPARTMENTS}
    if not any(said.values()):
        return ""
    if len(set(said.values())) == 1:
        return f"{office} {said['own']}".removesuffix(" may")
    return " ".join(
        [office, *(f"{whose} {verdict}".removesuffix(" may") for whose, verdict in said.items() if verdict)]
    )


def test_every_office_may_do_at_every_route_what_it_may_do_today(door: CityDoor) -> None:
    law, rows = _law(door), []
    for route in routes(door):
        if route.host != CONSOLE:
            continue
        for method, action in route.actions.items():
            may = [said for office in (ANONYMOUS, *_OFFICES) if (said := _may(law, method, route.path, office))]
            everybody = may[:1] == [ANONYMOUS]
            rows.append(f"{method} {route.path} {action}: {'public' if everybody else '; '.join(may) or 'nobody'}")
    compare("permissions.txt", _EXPLANATION, rows)


def test_a_right_that_nobody_meant_to_give_is_seen(door: CityDoor) -> None:
    law, auditor = _law(door), _subject("audit-administrator")
    keys = ("POST", "/api/v1/departments/{department}/keys", "audit-administrator")
    assert _may(law, *keys) == ""
    planted = law.holding(auditor, "audit-administrator", "security-administrator", department="civil")
    assert _may(planted, *keys) == "audit-administrator own"
