"""The decision itself (PDP): the law in reading order, pure."""

from authz.policy import PolicySet
from authz.request import ANONYMOUS, AccessRequest, Decision, Effect, Missing


def decide(policies: PolicySet, request: AccessRequest) -> Decision:
    """Answer one access request; the first line that applies is the answer.

    A deny needs no clearance, but one that reaches the subject only through an expired assignment has expired
    with it, as has the permit beside it: taking a role away takes away all it says, as in Casbin.
    Sources: deny-overrides, XACML 3.0 C.2; labels, GB/T 22239-2019 8.1.4.2 g); step-up, RFC 9470.
    Never raises: not knowing is a denial with a reason.
    """
    matching = policies.matching(request)
    effect, rule, missing = Effect.DENY, None, None
    if matching.denies:
        reason, rule = "explicit-deny", matching.denies[0]
    elif not matching.permits:
        reason, missing = "no-rule", Missing.ROLE
    else:
        rule, clearance = matching.permits[0]
        for other, higher in matching.permits:
            if higher > clearance:
                rule, clearance = other, higher
        if clearance < request.label:
            reason, missing = "clearance", Missing.CLEARANCE
        elif request.ceiling < request.label:
            reason, missing = "assurance", Missing.ASSURANCE
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
