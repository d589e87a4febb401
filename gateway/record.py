"""Admitted → Recorded: the decision stands in the spool before anything is delivered (law 5)."""

from audit.event import Event, EventKind
from audit.spool import Spool
from gateway.stages import Admitted, Inbound, Matched, Recorded
from idp.identity import NOBODY
from storage.actions import Action

_ALWAYS_SYNCED = 3  # from this label on


def is_weighty(matched: Matched) -> bool:
    """Labels ≥ 3, and everything that is not a plain read: synced before delivery, with an outcome record after."""
    return matched.label >= _ALWAYS_SYNCED or matched.action != Action.READ


def describe_resumed(inbound: Inbound) -> dict[str, str | int]:
    """What a record says of a parked request that was sent again, and of who approved it."""
    told: dict[str, str | int] = {"request": inbound.resumed, "approver": inbound.approver}
    return {name: text for name, text in told.items() if text}


async def record(admitted: Admitted, spool: Spool) -> Recorded:
    """Append the decision. Raises AuditUnavailable; then nothing is delivered."""
    authenticated, decision = admitted.authenticated, admitted.decision
    matched, inbound = authenticated.matched, authenticated.matched.inbound
    event = Event(
        id=inbound.id,
        kind=EventKind.DECISION,
        at=inbound.at,
        subject=authenticated.identity.subject,
        department=matched.department,
        object=matched.object,
        action=matched.action,
        label=matched.label,
        result=decision.effect,
        status=0,
        reason=decision.reason,
        rule=decision.rule or "",
        detail={
            "address": inbound.address,
            "assurance": authenticated.identity.assurance,
            "host": inbound.host,
            "method": inbound.method,
            "session": authenticated.identity.session,
            "version": decision.version,
            **({"stale": 1} if admitted.stale else {}),
            **describe_resumed(inbound),
        },
    )
    await spool.append(event, synced=is_weighty(matched), reserved=_is_reserved(admitted))
    return Recorded(admitted=admitted)


def _is_reserved(admitted: Admitted) -> bool:
    """Administration, revocation and audit by somebody known: what a flood must not shut out (law 5)."""
    matched, subject = admitted.authenticated.matched, admitted.authenticated.identity.subject
    return subject != NOBODY.subject and (
        (matched.route.system == "console" and matched.action != Action.READ) or matched.action == Action.SESSION_END
    )
