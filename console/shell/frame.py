"""What every page has around it: the language, the person, her offices; for views and for the door's refusals alike."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Response, request

from authz.explain import Condition, explain
from authz.offices import (
    AUDIT_ADMINISTRATOR,
    DEPARTMENT_ADMINISTRATOR,
    EXCLUSIVE,
    SECURITY_ADMINISTRATOR,
    SYSTEM_ADMINISTRATOR,
)
from authz.policy import PolicySet
from authz.request import Missing
from console.shell.act import current_request, reader
from console.shell.names import name_in
from console.shell.receipts import Receipts
from console.shell.render import Lang, Renderer, language
from gateway.authenticate import SAFE_METHODS
from gateway.authorize import access_request
from gateway.refuse import LOGIN_PATH, STEP_UP_ASSURANCE, Refusal
from gateway.stages import Authenticated, Headers, Inbound, Matched
from idp.directory import Department
from idp.identity import NOBODY, Identity

_OFFICES = (DEPARTMENT_ADMINISTRATOR, SYSTEM_ADMINISTRATOR, SECURITY_ADMINISTRATOR, AUDIT_ADMINISTRATOR)
_GIVEN_BY_OTHERS = (Missing.ROLE, Missing.CLEARANCE, Missing.APPROVER)
LANGUAGE_COOKIE = "citygate-language"


_DESKS = (
    ("/departments/{department}/people", "people", {DEPARTMENT_ADMINISTRATOR, SECURITY_ADMINISTRATOR}),
    ("/departments/{department}/machines", "machines", {DEPARTMENT_ADMINISTRATOR}),
    ("/departments/{department}/apps", "apps", {DEPARTMENT_ADMINISTRATOR}),
    ("/zones", "zones", {SYSTEM_ADMINISTRATOR, SECURITY_ADMINISTRATOR}),
    ("/keys", "key-desk", {SECURITY_ADMINISTRATOR}),
    ("/systems", "systems", {SECURITY_ADMINISTRATOR}),
    ("/backups", "backups", {SYSTEM_ADMINISTRATOR, SECURITY_ADMINISTRATOR, AUDIT_ADMINISTRATOR}),
    ("/audit", "audit-search", {AUDIT_ADMINISTRATOR}),
    ("/requests", "requests", EXCLUSIVE),
)
"""Path, the code of its name, and whose it is: `docs/duties.md` in the order of the navigation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """`policies` gives what the door decides by now."""

    renderer: Renderer
    origin: str  # of the console, "http://console.localhost:8080"
    headers: Headers  # of every page
    receipts: Receipts
    policies: Callable[[], PolicySet]
    departments: Mapping[str, Department]
    clock: Callable[[], datetime]

    def page(self, template: str, *, status: int = 200, identity: Identity | None = None, **context: Any) -> Response:
        """A page for `identity`, else for whoever sent the current request; remembers the language a link asked for."""
        inbound = current_request().inbound
        page = self._page(inbound, identity or reader())
        html = self.renderer.render(template, lang=_language(inbound), page=page, **context)
        response = Response(html, status)
        for name, value in self.headers:
            response.headers[name.decode()] = value.decode()
        response.headers["cache-control"] = "no-store"
        if chosen := request.args.get("lang"):
            response.set_cookie(
                LANGUAGE_COOKIE,
                language("", "", chosen),
                samesite="Lax",
                secure=True,
                httponly=True,
                max_age=31_536_000,
            )
        return response

    def lang(self) -> Lang:
        """The language of the current request."""
        return _language(current_request().inbound)

    def refusal(self, refusal: Refusal) -> str:
        """The page of a refusal."""
        inbound, problem = refusal.inbound, refusal.problem
        page = (
            self._page(inbound, refusal.identity)
            if inbound
            else {"path": "/", "person": None, "nav": [], "origin": self.origin}
        )
        lang: Lang = _language(inbound) if inbound else "zh-CN"
        if problem.missing is Missing.ASSURANCE and refusal.way_on and inbound:
            return self.renderer.render(
                "step_up.html", lang=lang, page=page, have=refusal.identity.assurance, need=STEP_UP_ASSURANCE,
                object=inbound.target, continue_url=refusal.way_on, decision_id=refusal.id,
            )  # fmt: skip
        if refusal.parked and inbound and refusal.matched:
            return self._second_person(refusal, inbound, refusal.matched, lang=lang, page=page)
        return self.renderer.render(
            "refusal.html",
            lang=lang,
            page=page,
            status=problem.status,
            title=None,
            sentence=None,
            decision_id=refusal.id,
            reason=problem.reason,
            asked=f"{inbound.method} {inbound.host}{inbound.path}" if inbound else None,
            owner=self._owner(refusal, lang),
            next=_next(refusal),
            detail=self._explained(refusal),
        )

    def _second_person(
        self, refusal: Refusal, inbound: Inbound, matched: Matched, *, lang: Lang, page: Mapping[str, Any]
    ) -> str:
        """The request is kept, under its number, for somebody of these offices."""
        approving = matched.route.approval[matched.action]
        able = self.policies().permitted_names(matched.department, approving, matched.object)
        return self.renderer.render(
            "second_person.html",
            lang=lang,
            page=page,
            number=refusal.parked,
            asked=f"{inbound.method} {inbound.host}{inbound.path}",
            action=matched.action,
            offices=[office for office in _OFFICES if office in able],
            owner=self._owner(refusal, lang),
            requests_url=f"{self.origin}/requests",
            detail=self._explained(refusal),
        )

    def _owner(self, refusal: Refusal, lang: Lang) -> str | None:
        """Whose administrator could give what is missing."""
        department = self.departments.get(refusal.matched.department) if refusal.matched else None
        if department is None or refusal.problem.missing not in _GIVEN_BY_OTHERS:
            return None
        return name_in(department, lang)

    def _explained(self, refusal: Refusal) -> Sequence[Condition] | None:
        """How it was decided, for staff; outsiders learn nothing of the policy."""
        matched, identity = refusal.matched, refusal.identity
        if matched is None or not identity.department or refusal.problem.code != "access-denied":
            return None
        return explain(self.policies(), access_request(Authenticated(matched=matched, identity=identity)))

    def offices(self, subject: str) -> list[str]:
        """The offices a subject holds, in the order of the navigation."""
        now = self.clock()
        roles = {held.role for held in self.policies().assignments_of(subject) if not held.has_expired(now)}
        return [office for office in _OFFICES if office in roles]

    def _page(self, inbound: Inbound, identity: Identity) -> Mapping[str, Any]:
        known = identity.subject != NOBODY.subject
        offices = self.offices(identity.subject) if known else []
        person = {"name": identity.name, "offices": offices, "csrf": identity.csrf} if known else None
        nav = list(self._nav(inbound, identity)) if known else []
        path = inbound.target if inbound.method in SAFE_METHODS else "/"  # where a link can lead
        return {"path": path, "person": person, "nav": nav, "origin": self.origin}

    def desks(self, identity: Identity) -> list[tuple[str, str]]:
        """Where her offices work: (path on the console's host, its name's code)."""
        offices = set(self.offices(identity.subject))
        places = [
            (path.format(department=identity.department), name) for path, name, whose in _DESKS if whose & offices
        ]
        return [*places, *([("/catalogue", "catalogue")] if identity.department else [])]

    def _nav(self, inbound: Inbound, identity: Identity) -> Iterable[Mapping[str, Any]]:
        ours = inbound.origin == self.origin
        for path, name in (("/", "home"), *self.desks(identity)):
            here = ours and (inbound.path == path or (path != "/" and inbound.path.startswith(path)))
            yield {"href": self.origin + path, "text_id": name, "current": here}


def _language(inbound: Inbound) -> Lang:
    query = next((part[5:] for part in inbound.query.split("&") if part.startswith("lang=")), "")
    cookies = (inbound.header(b"cookie") or "").split(";")
    cookie = next((c.partition("=")[2] for c in cookies if c.strip().startswith(LANGUAGE_COOKIE + "=")), "")
    return language(inbound.header(b"accept-language") or "", cookie, query)


def _next(refusal: Refusal) -> list[dict[str, str]]:
    """What the reader can do now; never nothing."""
    problem, inbound = refusal.problem, refusal.inbound
    if problem.missing is Missing.IDENTITY or problem.code == "credential-rejected":
        return [{"href": refusal.way_on or LOGIN_PATH, "text": "sign-in"}]
    if problem.code == "login-rejected":
        return [{"href": LOGIN_PATH, "text": "restart"}]
    if problem.retry_seconds is not None and inbound is not None and inbound.method == "GET":
        return [{"href": inbound.target, "text": "retry"}]
    return []
