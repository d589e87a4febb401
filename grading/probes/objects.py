"""The system's objects: labelled, closed to whoever has no right, and sealed where they are stored."""

import stat
from collections.abc import Iterator

from authz.decide import decide
from authz.label import Label
from authz.request import ANONYMOUS, AccessRequest, Effect
from crypto.errors import SealInvalid
from crypto.reseal import SealedPlace, SealedValue
from gateway.routes import Route
from grading.evidence import ProbeAnswer, ProbeFacts, Status, answer_with
from storage.actions import Action

_NO_SEAL = bytes(64)  # nothing begins with it
_NOBODY_KNOWN = "user:00000000000000000000000000"  # a person without any role


def default_deny(facts: ProbeFacts) -> ProbeAnswer:
    """The PDP is asked, for each route and action of the system, what nobody and a person without a role may."""
    asked, permitted = 0, []
    for route in facts.routes:
        if route.public:
            continue
        for action in sorted(set(route.actions.values())):
            for subject in (ANONYMOUS, _NOBODY_KNOWN):
                asked += 1
                if decide(facts.policies, _request(facts, route, action, subject)).effect is Effect.PERMIT:
                    permitted.append(f"{subject} {action} {route.path}")
    if permitted:
        return answer_with(
            Status.UNMET, "permitted-without-right", count=len(permitted), what="; ".join(permitted[:10])
        )
    if not asked:
        return answer_with(Status.NOT_APPLICABLE, "no-routes")
    return answer_with(Status.MET, "denied-without-right", count=asked)


def objects_labelled(facts: ProbeFacts) -> ProbeAnswer:
    """The default label follows from the grade, and what is labelled lower says so by itself and is no write."""
    if facts.label != facts.grade.label:
        return answer_with(Status.UNMET, "label-not-grade", label=facts.label, grade=str(facts.grade))
    lower = sorted({route.path for route in facts.routes if _lower_writes(route, facts.label)})
    if lower:
        return answer_with(Status.PARTLY, "writes-below-grade", paths=", ".join(lower[:10]), label=facts.label)
    return answer_with(Status.MET, "objects-labelled", label=facts.label, count=len(facts.routes))


def secrets_sealed(facts: ProbeFacts) -> ProbeAnswer:
    """Every secret that is kept opens with the platform's key, under the name of its own place."""
    seen = 0
    for place in facts.sealed:
        for kept in _all(place):
            seen += 1
            try:
                facts.seal.open(kept.sealed, purpose=kept.purpose)
            except SealInvalid:
                return answer_with(Status.UNMET, "plain-secret", table=place.name, row=kept.id)
    if not seen:
        return answer_with(Status.NOT_APPLICABLE, "no-secrets")
    return answer_with(Status.MET, "secrets-sealed", count=seen)


def keys_protected(facts: ProbeFacts) -> ProbeAnswer:
    """Every key file is a file of ours, closed to everybody else, in a folder where nobody else writes."""
    places = [(place.resolve(), pattern) for place, pattern in facts.keys if place.exists()]
    within = [one for place, pattern in places for one in (place, *sorted(place.glob(pattern)))]
    modes = {path: path.lstat().st_mode for path in within if path.suffix != ".pub"}
    loose = [path.name for path, mode in modes.items() if _is_open(mode)]
    if loose:
        return answer_with(Status.UNMET, "key-files-open", names=", ".join(loose[:10]))
    return answer_with(Status.MET, "key-files-closed", count=sum(not stat.S_ISDIR(mode) for mode in modes.values()))


def _is_open(mode: int) -> bool:
    if stat.S_ISDIR(mode):
        return bool(mode & (stat.S_IWGRP | stat.S_IWOTH))
    return not stat.S_ISREG(mode) or bool(mode & (stat.S_IRWXG | stat.S_IRWXO))


def shares_bounded(facts: ProbeFacts) -> ProbeAnswer:
    """Every share has a purpose and a date."""
    shares = facts.shares()
    loose = [share.id for share in shares if share.until is None or not share.purpose]
    if loose:
        return answer_with(Status.UNMET, "shares-unbounded", count=len(loose), ids=", ".join(loose[:10]))
    return answer_with(Status.MET, "shares-bounded", count=len(shares))


def _request(facts: ProbeFacts, route: Route, action: str, subject: str) -> AccessRequest:
    path = route.path.replace("/**", "/probe").replace("{", "").replace("}", "")
    return AccessRequest(
        id=facts.record,
        at=facts.now,
        subject=subject,
        department=facts.department,
        object=f"/{facts.system}{path}",
        action=action,
        label=Label.L1,  # the lowest: whoever is denied here is denied everywhere
        ceiling=Label.L5,
    )


def _lower_writes(route: Route, label: int) -> bool:
    return (
        not route.registered and route.label < label and any(action != Action.READ for action in route.actions.values())
    )


def _all(place: SealedPlace) -> Iterator[SealedValue]:
    after = ""
    while True:
        batch, after = place.stale_values(_NO_SEAL, after=after)
        yield from batch
        if not after:
            return
