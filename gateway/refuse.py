"""A refusal on its way out: recorded under the request's id first, then told as a page, a problem or a way on.

What is missing decides the way on: an identity or a second factor begins a login that comes back here; a write is
parked until then, so that nothing its sender typed is lost (law 9).
"""

import asyncio
import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from urllib.parse import urlencode

from audit.errors import AuditUnavailable
from audit.event import Event, EventKind
from audit.flood import Flood
from audit.spool import Spool
from authz.errors import AccessDenied, AuthzError
from authz.park import Parking
from authz.request import Missing
from gateway.authenticate import SAFE_METHODS
from gateway.errors import GatewayError, MethodRefused, Unreadable
from gateway.parked_request import approval_request_of, park
from gateway.problems import Problem, problem_of
from gateway.record import describe_resumed, is_weighty
from gateway.stages import Admitted, Authenticated, Headers, Inbound, Listener, Matched, Outbound, Raw, Recorded, Stage
from idp.identity import NOBODY, Identity
from idp.session import COOKIE
from storage.errors import StorageUnavailable

LOGIN_PATH, RESUME_PATH = "/.citygate/login", "/.citygate/resume/"
STEP_UP_ASSURANCE = 3
STATUS_PHRASES = {int(status): status.phrase for status in HTTPStatus}
_log = logging.getLogger(__name__)


def page_headers(form_targets: Iterable[str] = ()) -> Headers:
    """Of every page of ours; `form_targets` are origins that a form's answer may redirect to (CSP Level 3 §6.4.2)."""
    forms = " ".join(("'self'", *form_targets))
    policy = (
        f"default-src 'none'; style-src 'self'; img-src 'self' data:; form-action {forms}; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    return (
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-security-policy", policy.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"same-origin"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What is refused, how far it came, and why."""

    id: str
    problem: Problem
    rule: str = ""
    allowed: tuple[str, ...] = ()  # methods, of a 405
    way_on: str = ""  # where what is missing can be brought, and come back from
    parked: str = ""  # under which number it waits for a second person
    inbound: Inbound | None = None  # None when the request could not even be read
    matched: Matched | None = None
    identity: Identity = NOBODY
    peer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusals:
    """What refusing needs. `render` makes its page; `keep` holds a refusal for the data plane's second step."""

    spool: Spool
    flood: Flood
    parking: Parking
    render: Callable[[Refusal], str]
    page_headers: Headers
    keep: Callable[[Refusal], Outbound]
    mint: Callable[[], str]
    clock: Callable[[], datetime]


async def refuse(stage: Stage, failure: Exception, refusals: Refusals) -> Outbound:
    """Record and answer `failure`; never raises."""
    refusal = _refusal(stage, failure, refusals.mint)
    if refusal.problem.code == "internal":  # a bug; all else stands in the log that counts
        _log.error("%s", refusal.id, exc_info=failure)
    try:
        await _record(refusal, refusals)
    except AuditUnavailable as unavailable:
        refusal = replace(refusal, problem=problem_of(unavailable))
    if refusal.inbound and refusal.inbound.listener is Listener.GATE:
        return refusals.keep(refusal)
    return await tell(refusal, refusals)


async def write_counted(refusals: Refusals, *, everything: bool = False) -> None:
    """Append the sums of refused floods whose minute is over, or all. Raises AuditUnavailable."""
    for counted in refusals.flood.due(refusals.clock(), everything=everything):
        await refusals.spool.append(counted, synced=False)


def note_unreadable(refusals: Refusals) -> Callable[[str], None]:
    """What the server's protocol calls, on the loop, for what it answered 400 by itself: recorded like any refusal."""
    under_way: set[asyncio.Task[None]] = set()

    async def record(peer: str) -> None:
        try:
            await _record(Refusal(id=refusals.mint(), problem=problem_of(Unreadable()), peer=peer), refusals)
        except AuditUnavailable as unavailable:
            _log.error("unreadable request of %s not recorded: %s", peer, unavailable)

    def note(peer: str) -> None:
        task = asyncio.get_running_loop().create_task(record(peer))
        under_way.add(task)
        task.add_done_callback(under_way.discard)

    return note


async def tell(refusal: Refusal, refusals: Refusals) -> Outbound:
    """The answer to a refusal that is recorded: a way on where there is one, else a page or a problem; never raises."""
    try:
        refusal = await _parked(refusal, refusals)
        refusal = replace(refusal, way_on=await _way_on(refusal, refusals))
    except (GatewayError, AuthzError, StorageUnavailable, AuditUnavailable) as worse:
        refusal = replace(refusal, problem=problem_of(worse))
    inbound, status = refusal.inbound, refusal.problem.status
    if refusal.way_on and inbound and inbound.method in SAFE_METHODS:
        return Outbound(status=303, headers=((b"location", refusal.way_on.encode()), (b"cache-control", b"no-store")))
    headers = _headers(refusal)
    if inbound and _wants_page(inbound):
        # after a form a link leads on, not a redirect: the page that holds the form may forbid one to another origin
        page = refusals.render(refusal).encode()
        return Outbound(status=status, headers=(*headers, *refusals.page_headers), body=page)
    headers = (*headers, (b"content-type", b"application/problem+json"))
    return Outbound(status=status, headers=headers, body=json.dumps(_told(refusal)).encode())


def _refusal(stage: Stage, failure: Exception, mint: Callable[[], str]) -> Refusal:
    problem = problem_of(failure)
    rule = failure.decision.rule or "" if isinstance(failure, AccessDenied) else ""
    allowed = failure.allowed if isinstance(failure, MethodRefused) else ()
    inner: Stage = stage.admitted if isinstance(stage, Recorded) else stage
    inner = inner.authenticated if isinstance(inner, Admitted) else inner
    identity = inner.identity if isinstance(inner, Authenticated) else NOBODY
    inner = inner.matched if isinstance(inner, Authenticated) else inner
    matched = inner if isinstance(inner, Matched) else None
    inbound = matched.inbound if matched else inner if isinstance(inner, Inbound) else None
    return Refusal(
        id=inbound.id if inbound else mint(),
        problem=problem,
        rule=rule,
        allowed=allowed,
        inbound=inbound,
        matched=matched,
        identity=identity,
        peer=inbound.address if inbound else stage.peer if isinstance(stage, Raw) else "",
    )


async def _record(refusal: Refusal, refusals: Refusals) -> None:
    """One record each; above a rate, those of nobody and of whoever asks too fast are summed instead (law 5)."""
    matched, inbound, problem, now = refusal.matched, refusal.inbound, refusal.problem, refusals.clock()
    flooding = refusal.identity.subject == NOBODY.subject or problem.code == "rate-exceeded"
    if flooding and refusals.flood.admit(refusal.peer, now) == "count":
        return
    event = Event(
        id=refusal.id,
        kind=EventKind.REFUSAL,
        at=now,
        subject=refusal.identity.subject,
        department=matched.department if matched else "",
        object=matched.object if matched else inbound.path if inbound else "",
        action=matched.action if matched else "",
        label=matched.label if matched else 1,
        result="deny" if problem.code == "access-denied" else "refused",
        status=problem.status,
        reason=problem.reason,
        rule=refusal.rule,
        detail={
            "address": refusal.peer,
            "host": inbound.host if inbound else "",
            "method": inbound.method if inbound else "",
            "session": refusal.identity.session,
            **(describe_resumed(inbound) if inbound else {}),
        },
    )
    await refusals.spool.append(event, synced=bool(matched and is_weighty(matched)))


async def _way_on(refusal: Refusal, refusals: Refusals) -> str:
    """The address where a browser can bring the identity or the second factor that is missing, or ""."""
    inbound, missing = refusal.inbound, refusal.problem.missing
    if inbound is None or missing not in (Missing.IDENTITY, Missing.ASSURANCE) or not _wants_page(inbound):
        return ""
    query = {"return_to": inbound.target if inbound.method in SAFE_METHODS else "/"}
    if missing is Missing.ASSURANCE:
        query["assurance"] = str(STEP_UP_ASSURANCE)
        if inbound.method not in SAFE_METHODS:  # nobody's write is not kept: there is no one to give it back to
            subject = refusal.identity.subject
            slip = await park(refusals.parking, inbound, subject=subject, missing=missing, record=refusal.id)
            query["return_to"] = RESUME_PATH + slip.id
    return f"{LOGIN_PATH}?{urlencode(query)}"


async def _parked(refusal: Refusal, refusals: Refusals) -> Refusal:
    """A request that lacks a second person is kept for browsers and programs alike, and a record says that it is."""
    inbound, matched = refusal.inbound, refusal.matched
    if refusal.problem.missing is not Missing.APPROVER or inbound is None or matched is None:
        return refusal
    subject = refusal.identity.subject
    slip = await park(
        refusals.parking, inbound, subject=subject, missing=Missing.APPROVER, record=refusal.id,
        approval_request=approval_request_of(matched),
    )  # fmt: skip
    event = Event(
        id=refusal.id, kind=EventKind.OUTCOME, at=refusals.clock(), subject=subject, department=matched.department,
        object=matched.object, action=matched.action, label=matched.label, result="ok", status=refusal.problem.status,
        reason="parked", detail={"request": slip.id, slip.row: slip.digest},
    )  # fmt: skip
    await refusals.spool.append(event, synced=True, reserved=True)
    return replace(refusal, parked=slip.id)


def _headers(refusal: Refusal) -> Headers:
    problem = refusal.problem
    headers = [
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        (b"x-request-id", refusal.id.encode()),
    ]
    if problem.retry_seconds is not None:
        headers.append((b"retry-after", str(problem.retry_seconds).encode()))
    if refusal.allowed:
        headers.append((b"allow", ", ".join(refusal.allowed).encode()))
    if problem.status == 401:
        headers.append((b"www-authenticate", _challenge(problem)))
    if problem.code == "credential-rejected":
        headers.append((b"set-cookie", f"{COOKIE}=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax".encode()))
    return tuple(headers)


def _challenge(problem: Problem) -> bytes:
    """RFC 9470 §3 when only the assurance is missing, else RFC 6750 §3."""
    if problem.missing is Missing.ASSURANCE:
        return b'Bearer error="insufficient_user_authentication", acr_values="%d"' % STEP_UP_ASSURANCE
    return b'Bearer realm="citygate"'


def _told(refusal: Refusal) -> dict[str, str | int]:
    problem = refusal.problem
    told: dict[str, str | int] = {
        "type": f"urn:citygate:problem:{problem.code}",
        "title": STATUS_PHRASES.get(problem.status, "error"),
        "status": problem.status,
        "instance": refusal.id,
        "code": problem.code,
        "reason": problem.reason,
    }
    if problem.status in (401, 403):
        told["decision_id"] = refusal.id
    more = {"missing": problem.missing or "", "request": refusal.parked}
    return told | {name: text for name, text in more.items() if text}


def _wants_page(inbound: Inbound) -> bool:
    return "text/html" in (inbound.header(b"accept") or "")
