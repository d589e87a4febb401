"""Codes in plain words: the English sentence of each, which is also its key in the catalogues."""

from collections.abc import Mapping

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

# Navigation, offices, results and the texts of buttons.
NAMES: Mapping[str, str] = {
    "home": "My home",
    "people": "People",
    "audit-search": "Audit search",
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
    "given": "Role given",
    "taken-back": "Role taken back",
    "sign-in": "Sign in",
    "restart": "Start again",
    "retry": "Try again",
    "step-up": "Confirm with a one-time code",
    "request-access": "Ask for access",
    "sign-in-failed": "You could not be signed in",
}

# What somebody wanted to do (English: after "to"), and what kind of record says so.
KINDS: Mapping[str, str] = {
    "read": "view",
    "file": "submit",
    "sign-in": "sign in",
    "sign-out": "sign out",
    "found": "found the city",
    "session:begin": "sign in",
    "session:end": "end a session",
    "sign-on:end": "sign out for the sign-in service",
    "issuer:read": "compare the sign-in service with the plan",
    "issuer:apply": "bring the sign-in service to the plan",
    "request:resume": "send a kept request",
    "people:read": "view people",
    "role:assign": "give a role",
    "role:revoke": "take a role back",
    "audit:read": "view the records",
    "job:run": "run a job",
    "decision": "Decision",
    "refusal": "Refusal",
    "outcome": "Outcome",
    "spool-opened": "Start of a part of the log",
    "counted": "Refusals, summed",
    "bootstrap": "Founding of the city",
}

# Why: reasons of decisions, codes of refusals and errors, and what a form can get wrong.
# What a decision looks at, in order; told to staff with what there is and what it takes.
CONDITIONS: Mapping[str, str] = {
    "explicit-deny": "Rules that forbid it",
    "no-rule": "Rules that permit it through a role held here",
    "clearance": "Clearance of the role, and the object's label",
    "assurance": "Ceiling of the sign-in, and the object's label",
}

REASONS: Mapping[str, str] = {
    "permit": "A rule of the policy permits it.",
    "explicit-deny": "A rule of the policy forbids it.",
    "no-rule": "No role that is held permits it.",
    "clearance": "Its label is higher than the clearance of the role.",
    "assurance": "Its label needs a stronger sign-in.",
    "identity": "It needs somebody who is signed in.",
    # refusals at the door
    "lease-lost": "This gateway has not heard of the current policy for more than a second, so it decides nothing.",
    "audit-unavailable": "It could not be recorded, so it was not done.",
    "storage-unavailable": "The city's data cannot be read right now, so nothing was done.",
    "ephemeral-unavailable": "Who is signed in cannot be looked up right now, so nothing was done.",
    "credential-rejected": "The sign-in or the key that came with the request is not valid.",
    "session-unknown": "There is no such session of yours, or it has ended.",
    "session-ended": "The session ended meanwhile.",
    "csrf-refused": "The form does not come from a page of your session.",
    "route-unknown": "There is nothing at this address.",
    "method-refused": "This address does not take this kind of request.",
    "unreadable": "No request could be read out of what came.",
    "target-refused": "The address can be read in more than one way.",
    "host-refused": "There is no such host here.",
    "headers-refused": "The headers of the request can be read in more than one way.",
    "upgrade-refused": "This address does not take this kind of connection.",
    "not-through-the-door": "The request did not come through the gate.",
    "body-too-large": "The request is larger than this service takes.",
    "request-timeout": "The request took too long to arrive.",
    "client-gone": "The connection ended before the request was complete.",
    "rate-exceeded": "There were too many requests from you. Wait a minute.",
    "limits-unavailable": "How many requests there were cannot be counted right now, so nothing was done.",
    "flood": "There were too many requests from one network.",
    "upstream-unavailable": "The service behind the gate cannot be reached.",
    "upstream-busy": "The service behind the gate has too much to do.",
    "upstream-timeout": "The service behind the gate took too long.",
    "issuer-unavailable": "The sign-in service cannot be reached. Sessions that run go on.",
    "issuer-administration-unavailable": "The sign-in service's administration cannot be reached. Nothing was changed.",
    "login-rejected": "The sign-in could not be completed. Start it again.",
    "logout-rejected": "What came is no sign-out by the sign-in service, or came before.",
    "parked-unknown": "The kept request was sent already, or was kept for too long.",
    "park-full": "The request is too large to be kept. Sign in and fill in the form again.",
    "policy-invalid": "The policy has a mistake and was not taken.",
    "internal": "Something went wrong on our side. It was not your fault.",
    # what is asked for is not there, or not for this person to do
    "person-unknown": "Nobody has this name or id.",
    "assignment-unknown": "This role has been taken back already.",
    "already-held": "This role is held already, up to this clearance and for at least as long.",
    "already-sealed": "The city has been founded already.",
    "separation-of-duty": "The two roles may not be held by one person.",
    "may-not-grant": "You may not give this role in this department up to this clearance.",
    "not-grantable": "You may not give this role in this department up to this clearance.",
    # what a form can get wrong
    "wrong": "The account name or the password is wrong.",
    "used": "This code has been used already. Wait for the next one.",
    "code-wrong": "The code is wrong. Check that your device shows the right time.",
    "role-missing": "Choose a role.",
    "reason-missing": "Give a reason.",
    "reason-invalid": "Write the reason as one line of text, without control characters.",
    "date-invalid": "Enter a date, for example 2026-12-31.",
    "date-past": "The date must be in the future.",
    "date-too-far": "The date is further away than this role allows.",
    "dates-reversed": "The first date is after the last.",
    "result-unknown": "Choose one of the results.",
    # what a verification can find
    "record-malformed": "The bytes at this place are no record.",
    "proof-invalid": "The record does not lead to the root hash of the checkpoint.",
    "checkpoint-invalid": "The checkpoint is not signed by this city.",
    "log-unreadable": "A part of the log is missing.",
    "seal-invalid": "Something that was sealed has been changed.",
    "spool-broken": "A part of the log that is not yet integrated is damaged.",
    "sequencer-running": "Another process integrates this log already.",
}
