"""Who administers, and how they prove it."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from authz import offices
from authz.office_holders import holders_since
from grading.evidence import Evidence, ProbeAnswer, ProbeFacts, Status, answer_with
from idp.people_seen import last_seen, subs_of
from storage.actions import Action

_UNUSED = timedelta(days=90)
_SECOND_FACTOR_LABEL = 3  # what cannot be reached with a password alone
_NAMED = 10
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def second_factor(facts: ProbeFacts) -> ProbeAnswer:
    """Every holder of an exclusive office has a second factor at the issuer, and every desk asks for it."""
    open_desks = sorted(
        {r.path for r in facts.desks if _administers(r.actions.values()) and r.label < _SECOND_FACTOR_LABEL}
    )
    if open_desks:
        return answer_with(Status.UNMET, "desks-without-second-factor", paths=_list(open_desks))
    with facts.database.reading() as connection:
        holders = {subject for subject, _ in holders_since(connection, offices.EXCLUSIVE, at=facts.now)}
        subs = subs_of(connection, holders)
    proven = set(facts.second_factors(list(subs.values())))
    bare = sorted(holder for holder, sub in subs.items() if sub not in proven)
    if bare:
        return answer_with(Status.UNMET, "administrators-without-second-factor", count=len(bare), who=_list(bare))
    return answer_with(Status.MET, "administrators-with-second-factor", count=len(subs))


def issuer_as_wanted(facts: ProbeFacts) -> ProbeAnswer:
    """Passwords, lock-out and time-outs at the issuer are what the city wants them to be."""
    drift = facts.issuer_drift()
    if drift is None:
        return answer_with(Status.NOT_ASSESSED, "issuer-without-settings")
    if drift:
        return answer_with(Status.UNMET, "issuer-drift", count=len(drift), what=_list(drift))
    return answer_with(Status.MET, "issuer-as-wanted")


def remote_administration(facts: ProbeFacts) -> ProbeAnswer:
    """The desks are reached by TLS; without it only from this machine."""
    origin = urlsplit(facts.origin)
    if origin.scheme == "https":
        return answer_with(Status.MET, "desks-by-tls", origin=facts.origin)
    host = origin.hostname or ""
    if host in _LOOPBACK or host.endswith(".localhost"):
        return answer_with(Status.PARTLY, "desks-on-loopback", origin=facts.origin)
    return answer_with(Status.UNMET, "desks-without-tls", origin=facts.origin)


def accounts_in_use(facts: ProbeFacts) -> ProbeAnswer:
    """Whoever holds an exclusive office has signed in lately, or was given it lately."""
    last: dict[str, datetime] = {}
    with facts.database.reading() as connection:
        for subject, given_at in holders_since(connection, offices.EXCLUSIVE, at=facts.now):
            last[subject] = max(given_at, last.get(subject, given_at))
        for subject, seen_at in last_seen(connection, last).items():
            last[subject] = max(last[subject], seen_at)
    stale = sorted(subject for subject, at in last.items() if at < facts.now - _UNUSED)
    if stale:
        return answer_with(Status.UNMET, "offices-unused", count=len(stale), who=_list(stale), days=_UNUSED.days)
    return answer_with(Status.MET, "offices-in-use", count=len(last), days=_UNUSED.days)


def offices_separated(facts: ProbeFacts) -> ProbeAnswer:
    """Nobody holds two exclusive offices, and each of the three is filled."""
    held: defaultdict[str, set[str]] = defaultdict(set)
    for subject in facts.policies.subjects():
        for one in facts.policies.assignments_of(subject):
            if one.role in offices.EXCLUSIVE and not one.has_expired(facts.now):
                held[subject].add(one.role)
    both = sorted(subject for subject, roles in held.items() if len(roles) > 1)
    empty = sorted(offices.THREE - {role for roles in held.values() for role in roles})
    if both:
        return answer_with(Status.UNMET, "offices-together", count=len(both), who=_list(both))
    if empty:
        return answer_with(Status.UNMET, "offices-empty", offices=_list(empty))
    filled = tuple(
        Evidence("office-filled", {"office": role, "count": sum(role in roles for roles in held.values())})
        for role in sorted(offices.THREE)
    )
    return ProbeAnswer(Status.MET, filled)


def _administers(actions: Collection[str]) -> bool:
    """Whether one of these is more than what everybody who works here may."""
    everybody = (offices.PERSON, offices.STAFF)
    own = {rule.action for rule in offices.RULES if rule.subject in everybody} | {Action.SIGN_ON_END, Action.JOB_RUN}
    return any(action not in own for action in actions)


def _list(names: Collection[str]) -> str:
    some = sorted(names)[:_NAMED]
    return ", ".join(some) + (" …" if len(names) > _NAMED else "")
