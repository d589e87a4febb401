"""The question and the answer of the PDP: AccessRequest and Decision."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from authz.label import Label

ANONYMOUS = "anonymous"


class Effect(StrEnum):
    """Anything else in a policy is refused at publish."""

    PERMIT = "permit"
    DENY = "deny"


class Missing(StrEnum):
    """The one thing that would turn a denial into a permit; None when nothing the requester can bring would."""

    IDENTITY = "identity"
    ASSURANCE = "assurance"
    ROLE = "role"
    CLEARANCE = "clearance"
    APPROVER = "approver"  # a second person


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """The act needs a second person: whoever may do `action` on the same object; `approver` is "" until one did."""

    action: str  # "key:approve"
    approver: str
    label: Label = Label.L1  # whoever approves is held to it too, where asking takes less


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRequest:
    """May *subject* do *action* on *object* of *department*? (Casbin `r = sub, dom, obj, act`)

    `department` is the one that owns the object; Casbin calls it the domain.
    """

    id: str  # of the request at the door; the decision's record carries it
    at: datetime
    subject: str  # "user:01J…", "service:clock" or "anonymous"
    department: str
    object: str  # "/" + system + canonical path
    action: str  # "read", "role:assign"
    label: Label  # of the object
    ceiling: Label  # what this session's assurance allows
    approval: Approval | None = None  # None: one person is enough
    system: str = ""  # the object is of this system, whose label counts too
    zone: str = ""  # and placed in this zone, whose ceiling counts too

    def __post_init__(self) -> None:
        for name in ("id", "subject", "department", "object", "action"):
            if not getattr(self, name):
                raise ValueError(f"access request without {name}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the PDP said, by which rule, and what is missing."""

    id: str  # the access request's, and so the record's
    effect: Effect
    reason: str  # stable code, e.g. "permit", "explicit-deny", "no-rule", "system", "zone", "clearance", "assurance"
    rule: str | None = None
    missing: Missing | None = None
    version: int = 0  # of the policy set that answered
