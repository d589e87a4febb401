"""Codes in plain words: the English sentence of each, which is also its key in the catalogues.

Here are the words of the frame and of what every desk shares; each desk has its own `words.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from authz.label import Label

LABELS: Mapping[int, str] = {
    Label.L1: "1 Public",
    Label.L2: "2 Internal",
    Label.L3: "3 Sensitive",
    Label.L4: "4 Important",
    Label.L5: "5 Core",
}

ASSURANCES: Mapping[int, str] = {
    0: "not signed in",
    2: "password",
    3: "password and one-time code",
    4: "passkey",
    5: "hardware certificate",
}

STATUSES: Mapping[int, str] = {
    400: "The request is not valid",
    401: "Sign in first",
    403: "No access",
    404: "Page not found",
    405: "This cannot be done here",
    408: "The request did not arrive in time",
    409: "This cannot be done now",
    412: "Somebody changed this before you",
    413: "Too large",
    422: "Something in the form is missing or wrong",
    429: "Too many requests",
    500: "Something went wrong",
    502: "The service gives no valid answer",
    503: "Not available for the moment",
    504: "The service does not answer in time",
}

# Navigation, offices, results, the texts of buttons, and units of time.
NAMES: Mapping[str, str] = {
    "home": "My home",
    "people": "People",
    "audit-search": "Audit search",
    "key-desk": "Keys",
    "requests": "Requests",
    "systems": "Systems and grades",
    "department-administrator": "Department administrator",
    "security-administrator": "Security administrator",
    "audit-administrator": "Audit administrator",
    "system-administrator": "System administrator",
    "permit": "Permitted",
    "deny": "Denied",
    "refused": "Refused at the door",
    "ok": "Done",
    "failed": "Failed",
    "anonymous": "Nobody signed in",
    "sign-in": "Sign in",
    "restart": "Start again",
    "retry": "Try again",
    "step-up": "Confirm with a one-time code",
    "request-access": "Ask for access",
    "catalogue": "Resource catalogue",
    "apps": "Apps",
    "backups": "Backups and drills",
    "seconds": "seconds",
    "minutes": "minutes",
    "hours": "hours",
    "days": "days",
    "sign-in-failed": "You could not be signed in",
    "zones": "Zones and machines",
    "machines": "Machines",
}

# What a request is about: the nouns of its address, then the fields of its form; those of more than one desk.
FIELDS: Mapping[str, str] = {
    "departments": "Department",
    "name": "Name",
    "purpose": "Purpose",
    "until": "Until",
    "reason": "Reason",
    "expires_at": "Until",
}

# What kind of record says so, and what the demo's portals call their own acts; ours are in `storage.actions`.
KINDS: Mapping[str, str] = {
    "file": "submit",
    "decision": "Decision",
    "refusal": "Refusal",
    "outcome": "Outcome",
    "spool-opened": "Start of a part of the log",
    "counted": "Refusals, summed",
    "bootstrap": "Founding of the city",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What a renderer says of the codes of desks; without any it says those of the frame alone."""

    names: Mapping[str, str] = field(default_factory=lambda: NAMES)
    fields: Mapping[str, str] = field(default_factory=lambda: FIELDS)
    grading: Mapping[str, str] = field(default_factory=dict)
    evidence: Mapping[str, str] = field(default_factory=dict)
