"""Refusal → RFC 9457: the one table of codes, statuses and titles; no other file knows a status of a refusal."""

from dataclasses import dataclass

from audit.errors import AuditError
from authz.errors import AccessDenied, AuthzError
from authz.request import Missing
from crypto.errors import CryptoError
from gateway.errors import GatewayError
from idp.errors import IdpError
from storage.errors import StorageError

STATUSES = {
    # gateway
    "unreadable": 400,
    "target-refused": 400,
    "headers-refused": 400,
    "host-refused": 400,
    "upgrade-refused": 400,
    "route-unknown": 404,
    "method-refused": 405,
    "not-through-the-door": 403,
    "csrf-refused": 403,
    "rate-exceeded": 429,
    "limits-unavailable": 503,
    "body-too-large": 413,
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
    # idp
    "credential-rejected": 401,
    "session-unknown": 404,
    "person-unknown": 404,
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
    # storage
    "storage-unavailable": 503,
    "ephemeral-unavailable": 503,
    # crypto
    "key-file-unsafe": 500,
    "seal-invalid": 500,
    "signature-invalid": 500,
}
_KNOWN = (GatewayError, AuthzError, IdpError, AuditError, CryptoError, StorageError)
_NEEDS_LOGIN = (Missing.IDENTITY, Missing.ASSURANCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is told of a refusal: a status, the stable code, and what is missing."""

    status: int
    code: str
    reason: str  # the decision's where there is one
    missing: Missing | None = None
    retry_seconds: int | None = None


def problem_of(failure: Exception) -> Problem:
    """The problem for `failure`; whatever is not in the table is a bug, and is 500."""
    if isinstance(failure, AccessDenied):
        decision = failure.decision
        status = 401 if decision.missing in _NEEDS_LOGIN else 403
        return Problem(status=status, code=failure.code, reason=decision.reason, missing=decision.missing)
    if isinstance(failure, _KNOWN) and failure.code in STATUSES:
        status = STATUSES[failure.code]
        retry = getattr(failure, "retry_seconds", 1 if status in (502, 503, 504) else None)
        return Problem(status=status, code=failure.code, reason=failure.code, retry_seconds=retry)
    return Problem(status=500, code="internal", reason="internal")
