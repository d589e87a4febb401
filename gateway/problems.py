"""Refusal → RFC 9457: the one table of codes, statuses and titles; no other file knows a status of a refusal."""

from dataclasses import dataclass

from authz.errors import AccessDenied
from authz.request import Missing

STATUSES = {
    # gateway
    "unreadable": 400,
    "target-refused": 400,
    "headers-refused": 400,
    "host-refused": 400,
    "upgrade-refused": 400,
    "route-unknown": 404,
    "inline-only": 403,
    "method-refused": 405,
    "not-through-the-door": 403,
    "csrf-refused": 403,
    "rate-exceeded": 429,
    "limits-unavailable": 503,
    "body-too-large": 413,
    "digest-wrong": 400,
    "request-timeout": 408,
    "client-gone": 400,
    "upstream-busy": 503,
    "upstream-unavailable": 502,
    "upstream-timeout": 504,
    "invalid-route": 500,
    # authz
    "access-denied": 403,
    "lease-lost": 503,
    "policy-invalid": 422,
    "separation-of-duty": 409,
    "may-not-grant": 403,
    "assignment-unknown": 404,
    "already-held": 409,
    "already-sealed": 409,
    "parked-unknown": 404,
    "park-full": 413,
    "own-request": 403,
    "already-decided": 409,
    "not-approved": 409,
    # idp
    "credential-rejected": 401,
    "session-unknown": 404,
    "person-unknown": 404,
    "app-unknown": 404,
    "app-paused-since": 409,
    "catalogue-full": 409,
    "issuer-unavailable": 503,
    "issuer-administration-unavailable": 503,
    "login-rejected": 400,
    "logout-rejected": 400,
    # audit
    "audit-unavailable": 503,
    "proof-invalid": 500,
    "record-malformed": 500,
    "checkpoint-invalid": 500,
    "log-unreadable": 500,
    "spool-broken": 500,
    "sequencer-running": 500,
    # catalogue
    "resource-unknown": 404,
    "share-unknown": 404,
    "already-shared": 409,
    "not-served": 422,
    # grading
    "system-unknown": 404,
    "system-ungraded": 409,
    "basis-missing": 422,
    "control-unknown": 404,
    "control-measured": 409,
    "controls-invalid": 500,
    "assessment-unknown": 404,
    "report-unavailable": 503,
    # storage
    "storage-unavailable": 503,
    "ephemeral-unavailable": 503,
    # crypto
    "key-file-unsafe": 500,
    "seal-invalid": 500,
    "signature-invalid": 500,
    # infra
    "zone-unknown": 404,
    "flow-unknown": 404,
    "flow-exists": 409,
    "machine-unknown": 404,
    "machine-name-taken": 409,
    "machine-busy": 409,
    "zone-too-low": 409,
    "quota-exceeded": 409,
    "quota-conflict": 409,
    "no-host": 409,
    "hypervisor-unavailable": 503,
    "hypervisor-refused": 502,
    "data-plane-unavailable": 503,
    "data-plane-refused": 502,
    "key-damaged": 500,
    "key-unknown": 404,
    "key-exists": 409,
    "key-misused": 409,
    "key-in-use": 409,
    "too-many-keys": 409,
    # backup
    "plan-invalid": 500,
    "engine-missing": 503,
    "engine-failed": 500,
    "repository-full": 500,
    "backup-unknown": 404,
    "backup-busy": 409,
    "manifest-invalid": 500,
    "part-damaged": 500,
    "drill-failed": 500,
}
_OF_VIEWS = {"request-invalid": 422, "ciphertext-invalid": 422}  # said by a view itself: no error class carries it
_ROOMS = ("gateway", "catalogue", "infra", "backup", "grading", "authz", "idp", "audit", "crypto", "storage")
_TREES = frozenset(f"{room}.errors" for room in _ROOMS)
_NEEDS_LOGIN = (Missing.IDENTITY, Missing.ASSURANCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is told of a refusal: a status, the stable code, and what is missing."""

    status: int
    code: str
    reason: str  # the decision's where there is one
    missing: Missing | None = None
    retry_seconds: int | None = None


def problem_of(failure: BaseException) -> Problem:
    """The problem for `failure`; whatever is not in the table is a bug, and is 500."""
    if isinstance(failure, AccessDenied):
        decision = failure.decision
        status = 401 if decision.missing in _NEEDS_LOGIN else 403
        return Problem(status=status, code=failure.code, reason=decision.reason, missing=decision.missing)
    code = getattr(failure, "code", None) if _is_ours(failure) else None
    if code in STATUSES:
        status = STATUSES[code]
        retry = getattr(failure, "retry_seconds", 1 if status in (502, 503, 504) else None)
        return Problem(status=status, code=code, reason=code, retry_seconds=retry)
    return Problem(status=500, code="internal", reason="internal")


def status_of(code: str) -> int:
    """Return the status of a code, an error's or a view's. Raises KeyError for a code that is in no table."""
    return _OF_VIEWS[code] if code in _OF_VIEWS else STATUSES[code]


def _is_ours(failure: BaseException) -> bool:
    """Whether one of our trees defines it; by name, for a room beside this one cannot be imported here."""
    return any(base.__module__ in _TREES for base in type(failure).__mro__)
