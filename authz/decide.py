"""The decision itself (PDP): the law in reading order, pure."""

from dataclasses import replace
from operator import itemgetter

from authz.label import Label
from authz.policy import PolicySet
from authz.request import ANONYMOUS, AccessRequest, Approval, Decision, Effect, Missing

_HIGHEST = itemgetter(1)


def decide(policies: PolicySet, request: AccessRequest) -> Decision:
    """Answer one access request; the first line that applies is the answer.

    A deny needs no clearance, but one that reaches the subject only through an expired assignment has expired
    with it, as has the permit beside it: taking a role away takes away all it says, as in Casbin.
    What a place forbids comes before what its requester could bring: nobody is asked for a code in vain.
    Sources: deny-overrides, XACML 3.0 C.2; labels, GB/T 22239-2019 8.1.4.2 g); step-up, RFC 9470;
    a second person, GB/T 22239-2019 8.1.5: asked for last, so that nobody approves what would be denied anyway.
    Never raises: not knowing is a denial with a reason.
    """
    matching = policies.matching(request)
    effect, rule, missing = Effect.DENY, None, None
    if matching.denies:
        reason, rule = "explicit-deny", matching.denies[0]
    elif not matching.permits:
        reason, missing = "no-rule", Missing.ROLE
    elif place := policies.facts.in_the_way(request):
        reason = place
    else:
        label = policies.facts.label_of(request)
        rule, clearance = max(matching.permits, key=_HIGHEST)  # of equals the first
        if clearance < label:
            reason, missing = "clearance", Missing.CLEARANCE
        elif request.ceiling < label:
            reason, missing = "assurance", Missing.ASSURANCE
        elif request.approval is not None and (lacking := lacks_approver(policies, request, request.approval)):
            reason, missing = lacking, None if lacking == "own-approval" else Missing.APPROVER
        else:
            effect, reason = Effect.PERMIT, "permit"
    if missing is not None and request.subject == ANONYMOUS:
        missing = Missing.IDENTITY
    return Decision(
        id=request.id,
        effect=effect,
        reason=reason,
        rule=rule.id if rule is not None else None,
        missing=missing,
        version=policies.version,
    )


def lacks_approver(policies: PolicySet, request: AccessRequest, approval: Approval) -> str:
    """Why the approval does not count, or "": nobody gave one, the requester did, or who gave it may no longer.

    The assurance of the approver's sign-in was looked at when the approval was given; rights are looked at now.
    """
    if not approval.approver:
        return "approver"
    if approval.approver == request.subject:
        return "own-approval"
    theirs = replace(
        request,
        subject=approval.approver,
        action=approval.action,
        label=max(request.label, approval.label),
        ceiling=Label.L5,
        approval=None,
    )
    return "" if decide(policies, theirs).effect is Effect.PERMIT else "approver-lost-right"
