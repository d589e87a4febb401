"""Who administers, and how they prove it."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import sqlalchemy as sa

from authz import offices
from authz.store import assignment
from grading.evidence import Evidence, Facts, Found, Status, found
from idp.store import person, session
from storage.actions import Action

_UNUSED = timedelta(days=90)
_SECOND_FACTOR_LABEL = 3  # what cannot be reached with a password alone
_NAMED = 10
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def second_factor(facts: Facts) -> Found:
    """Every holder of an exclusive office has a second factor at the issuer, and every desk asks for it."""
    open_desks = sorted(
        {r.path for r in facts.desks if _administers(r.actions.values()) and r.label < _SECOND_FACTOR_LABEL}
    )
    if open_desks:
        return found(Status.UNMET, "desks-without-second-factor", paths=_list(open_desks))
    holders = {subject for subject, _ in _held(facts)}
    with facts.database.reading() as connection:
        rows = connection.execute(sa.select(person.c.id, person.c.sub).where(person.c.id.in_(holders))).all()
    proven = set(facts.second_factors([row.sub for row in rows]))
    bare = sorted(row.id for row in rows if row.sub not in proven)
    if bare:
        return found(Status.UNMET, "administrators-without-second-factor", count=len(bare), who=_list(bare))
    return found(Status.MET, "administrators-with-second-factor", count=len(rows))


def issuer_as_wanted(facts: Facts) -> Found:
    """Passwords, lock-out and time-outs at the issuer are what the city wants them to be."""
    drift = facts.issuer_drift()
    if drift is None:
        return found(Status.NOT_ASSESSED, "issuer-without-settings")
    if drift:
        return found(Status.UNMET, "issuer-drift", count=len(drift), what=_list(drift))
    return found(Status.MET, "issuer-as-wanted")


def remote_administration(facts: Facts) -> Found:
    """The desks are reached by TLS; without it only from this machine."""
    origin = urlsplit(facts.origin)
    if origin.scheme == "https":
        return found(Status.MET, "desks-by-tls", origin=facts.origin)
    host = origin.hostname or ""
    if host in _LOOPBACK or host.endswith(".localhost"):
        return found(Status.PARTLY, "desks-on-loopback", origin=facts.origin)
    return found(Status.UNMET, "desks-without-tls", origin=facts.origin)


def accounts_in_use(facts: Facts) -> Found:
    """Whoever holds an exclusive office has signed in lately, or was given it lately."""
    last: dict[str, datetime] = {}
    for subject, given_at in _held(facts):
        last[subject] = max(given_at, last.get(subject, given_at))
    with facts.database.reading() as connection:
        seen = sa.select(session.c.person, sa.func.max(session.c.seen_at).label("at")).where(session.c.person.in_(last))
        for row in connection.execute(seen.group_by(session.c.person)):
            last[row.person] = max(last[row.person], row.at)
    stale = sorted(subject for subject, at in last.items() if at < facts.now - _UNUSED)
    if stale:
        return found(Status.UNMET, "offices-unused", count=len(stale), who=_list(stale), days=_UNUSED.days)
    return found(Status.MET, "offices-in-use", count=len(last), days=_UNUSED.days)


def offices_separated(facts: Facts) -> Found:
    """Nobody holds two exclusive offices, and each of the three is filled."""
    held: defaultdict[str, set[str]] = defaultdict(set)
    for subject in facts.policies.subjects():
        for one in facts.policies.assignments_of(subject):
            if one.role in offices.EXCLUSIVE and not one.expired(facts.now):
                held[subject].add(one.role)
    both = sorted(subject for subject, roles in held.items() if len(roles) > 1)
    empty = sorted(offices.THREE - {role for roles in held.values() for role in roles})
    if both:
        return found(Status.UNMET, "offices-together", count=len(both), who=_list(both))
    if empty:
        return found(Status.UNMET, "offices-empty", offices=_list(empty))
    filled = tuple(
        Evidence("office-filled", {"office": role, "count": sum(role in roles for roles in held.values())})
        for role in sorted(offices.THREE)
    )
    return Found(Status.MET, filled)


def _held(facts: Facts) -> list[tuple[str, datetime]]:
    """(subject, when it was given) of every live assignment to an exclusive office."""
    live = assignment.c.revoked_at.is_(None) & (
        assignment.c.expires_at.is_(None) | (assignment.c.expires_at > facts.now)
    )
    query = sa.select(assignment.c.subject, assignment.c.given_at).where(live, assignment.c.role.in_(offices.EXCLUSIVE))
    with facts.database.reading() as connection:
        return [(row.subject, row.given_at) for row in connection.execute(query)]


def _administers(actions: Collection[str]) -> bool:
    """Whether one of these is more than what everybody who works here may."""
    everybody = (offices.PERSON, offices.STAFF)
    own = {rule.action for rule in offices.RULES if rule.subject in everybody} | {Action.SIGN_ON_END, Action.JOB_RUN}
    return any(action not in own for action in actions)


def _list(names: Collection[str]) -> str:
    some = sorted(names)[:_NAMED]
    return ", ".join(some) + (" …" if len(names) > _NAMED else "")
