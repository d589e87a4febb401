"""What can be refused when acts are decided and rights are given.

AuthzError
├── AccessDenied        the PDP said no; carries the Decision
├── LeaseLost           this process may not decide now: its confirmation of the epoch is too old
├── PolicyInvalid       a policy set is refused whole: which line, and why
├── SeparationOfDuty    one subject would hold two roles that exclude each other
├── MayNotGrant         giving or taking this role here is not this administrator's right
├── AssignmentUnknown   no such role assignment
├── AlreadyHeld         the role is held there already, as high and for as long
├── AlreadySealed       bootstrap has been done; it cannot be repeated
├── ParkedUnknown       no such parked request, or no longer
├── ParkFull            the requester has too many parked requests, or this one is too large
├── OwnRequest          nobody approves or rejects a request of his own
├── AlreadyDecided      somebody approved or rejected the request before
└── NotApproved         the request still waits for a second person, or was rejected
"""

from authz.request import Decision


class AuthzError(Exception):
    """Base of everything this package raises."""

    code = "authz"


class AccessDenied(AuthzError):
    """The PDP denied; `decision` says by which rule and what is missing."""

    code = "access-denied"

    def __init__(self, decision: Decision) -> None:
        super().__init__(f"denied: {decision.reason}")
        self.decision = decision


class LeaseLost(AuthzError):
    """The lease ran out: what this process knows may have been revoked."""

    code = "lease-lost"

    def __init__(self) -> None:
        super().__init__("the policy was not confirmed within the last second")


class PolicyInvalid(AuthzError):
    """A policy set that is refused whole; `line` is 1-based and 0 where there is no file, `entry` an id or ""."""

    code = "policy-invalid"

    def __init__(self, reason: str, *, line: int = 0, entry: str = "") -> None:
        where = f"line {line}: " if line else f"`{entry}`: " if entry else ""
        super().__init__(where + reason)
        self.reason, self.line, self.entry = reason, line, entry


class SeparationOfDuty(AuthzError):
    """Giving `role` would let one subject hold two roles that exclude each other."""

    code = "separation-of-duty"

    def __init__(self, *, subject: str, role: str, excludes: str) -> None:
        super().__init__(f"role `{role}` excludes `{excludes}`, already held by `{subject}`")
        self.subject, self.role, self.excludes = subject, role, excludes


class MayNotGrant(AuthzError):
    """`actor` has no right to give or take `role` in `department`."""

    code = "may-not-grant"

    def __init__(self, *, actor: str, role: str, department: str) -> None:
        super().__init__(f"`{actor}` may not grant role `{role}` in department `{department}`")
        self.actor, self.role, self.department = actor, role, department


class AssignmentUnknown(AuthzError):
    """No role assignment has this id."""

    code = "assignment-unknown"

    def __init__(self, assignment: str) -> None:
        super().__init__(f"no role assignment `{assignment}`")
        self.assignment = assignment


class AlreadyHeld(AuthzError):
    """Giving `role` once more would give nothing: `assignment` reaches as high and lasts as long."""

    code = "already-held"

    def __init__(self, *, role: str, assignment: str) -> None:
        super().__init__(f"role `{role}` is held already, by assignment `{assignment}`")
        self.role, self.assignment = role, assignment


class AlreadySealed(AuthzError):
    """The city has its administrators; bootstrap does not run twice."""

    code = "already-sealed"

    def __init__(self) -> None:
        super().__init__("bootstrap is sealed")


class ParkedUnknown(AuthzError):
    """The parked request does not exist, is somebody else's, was sent or ran out: one answer for all."""

    code = "parked-unknown"

    def __init__(self) -> None:
        super().__init__("no such parked request")


class ParkFull(AuthzError):
    """The request is too large to be parked, or its requester has too many."""

    code = "park-full"


class OwnRequest(AuthzError):
    """A second person is another person."""

    code = "own-request"

    def __init__(self) -> None:
        super().__init__("nobody decides on a request of his own")


class AlreadyDecided(AuthzError):
    """One second person is enough, and what was said is not said anew."""

    code = "already-decided"

    def __init__(self) -> None:
        super().__init__("this request was approved or rejected already")


class NotApproved(AuthzError):
    """The request cannot be sent again yet, or not at all."""

    code = "not-approved"

    def __init__(self) -> None:
        super().__init__("this request was not approved")
