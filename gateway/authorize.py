"""Authenticated → Admitted: ask the PDP, on a fresh lease only. The one place where Admitted is made."""

from dataclasses import replace
from datetime import datetime

from authz.errors import AccessDenied, LeaseLost
from authz.label import ceiling_of
from authz.lease import Decider, Ruling, Snapshot
from authz.request import AccessRequest, Approval, Effect
from gateway.errors import InlineOnly
from gateway.match import relabel
from gateway.stages import Admitted, Authenticated
from idp.identity import NOBODY
from storage.actions import Action


def authorize(authenticated: Authenticated, decider: Decider) -> Admitted:
    """Decide, by what holds when it is decided: an object's label may have changed since it was matched, and whose
    session was ended since it was looked up is nobody. Raises AccessDenied, LeaseLost, InlineOnly.
    """
    ruling = _ruling(authenticated, decider)
    # looked up after the decision, so in what was decided by or in something newer
    now = _now(authenticated, decider.snapshot)
    if now is not authenticated:
        ruling = _ruling(now, decider)
    if ruling.decision.effect is not Effect.PERMIT:
        reason = ruling.decision.reason if now.identity is authenticated.identity else "session-ended"
        raise AccessDenied(replace(ruling.decision, reason=reason))
    return Admitted(authenticated=now, decision=ruling.decision, stale=ruling.stale)


def is_still_permitted(authenticated: Authenticated, decider: Decider, now: datetime) -> bool:
    """Whether the same request of the same caller would be permitted at `now`; nobody knows that without a lease."""
    matched, until = authenticated.matched, authenticated.identity.until
    if until is not None and until <= now:
        return False
    again = replace(authenticated, matched=replace(matched, inbound=replace(matched.inbound, at=now)))
    try:
        return authorize(again, decider).authenticated.identity is authenticated.identity
    except (AccessDenied, LeaseLost, InlineOnly):
        return False


def _now(authenticated: Authenticated, snapshot: Snapshot) -> Authenticated:
    """The same request and caller, as this snapshot has them."""
    identity, matched = authenticated.identity, relabel(authenticated.matched, snapshot.policies.facts)
    if identity.session in snapshot.revoked:
        identity = NOBODY
    if identity is authenticated.identity and matched is authenticated.matched:
        return authenticated
    return Authenticated(matched=matched, identity=identity)


def _ruling(authenticated: Authenticated, decider: Decider) -> Ruling:
    matched = authenticated.matched
    grace_seconds = matched.route.grace_seconds if matched.action == Action.READ else 0
    return decider.decide(access_request(authenticated), grace_seconds=grace_seconds)


def access_request(authenticated: Authenticated) -> AccessRequest:
    """The question this request puts to the PDP."""
    matched, identity = authenticated.matched, authenticated.identity
    route = matched.route
    approving = route.approval.get(matched.action)
    return AccessRequest(
        id=matched.inbound.id,
        at=matched.inbound.at,
        subject=identity.subject,
        department=matched.department,
        object=matched.object,
        action=matched.action,
        label=matched.label,
        ceiling=ceiling_of(identity.assurance),
        approval=Approval(action=approving, approver=matched.inbound.approver, label=route.approval_label)
        if approving
        else None,
        system=matched.system,
        zone=matched.zone,
    )
