"""The home page: my services, my sessions, sign out everywhere."""

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, redirect
from werkzeug import Response

from authz.decide import decide
from authz.label import Label
from authz.lease import Receipt
from authz.policy import PolicySet
from authz.register import Register
from authz.request import AccessRequest, Effect
from console.shell.act import check_csrf
from console.shell.frame import Frame
from gateway.local import exchange
from gateway.routes import Route
from idp.directory import Directory
from idp.identity import NOBODY
from idp.session import COOKIE, Session, Sessions

_DESKS = {
    "department-administrator": "/departments/{department}/people",
    "security-administrator": "/departments/{department}/people",
    "audit-administrator": "/audit",
}


class HomePages:
    """The views of the person herself. `portals` are the entrances: one route for each portal's first page."""

    def __init__(
        self,
        frame: Frame,
        *,
        sessions: Sessions,
        directory: Directory,
        register: Register,
        policies: Callable[[], PolicySet],
        portals: Mapping[str, Route],
        effective: Callable[[int], Receipt],
    ) -> None:
        self._frame, self._sessions, self._directory, self._register = frame, sessions, directory, register
        self._policies, self._portals, self._effective = policies, portals, effective

    def blueprint(self) -> Blueprint:
        """All of them, by path."""
        views = Blueprint("citizen", __name__)
        views.get("/")(self.home)
        views.post("/sessions/<session>/end")(self.end)
        views.post("/sessions/end-all")(self.end_all)
        return views

    def home(self) -> Response:
        """Services that are open to her, desks she holds, where she is signed in."""
        recorded = exchange().recorded
        if recorded.matched.route.public:  # the entrance
            return redirect(self._frame.origin + "/", 303)
        mine = self._sessions.of(recorded.identity.subject)
        desks = [{"href": href, "name": name} for href, name in self._frame.desks(recorded.identity)]
        earlier = self._sessions.before(recorded.identity.session, person_id=recorded.identity.subject)
        return self._frame.page(
            "home.html",
            assurance=recorded.identity.assurance,
            services=self._services(),
            desks=desks,
            last_sign_in={"at": earlier.started_at, "address": earlier.address} if earlier else None,
            sessions=[self._told(one, recorded.identity.session) for one in mine],
            csrf=recorded.identity.csrf,
        )

    def end(self, session: str) -> Response:
        """End one of her sessions, and say so only when no gateway lets it through any more."""
        check_csrf()
        recorded = exchange().recorded
        _, epoch = self._sessions.end(session, person_id=recorded.identity.subject, record=recorded.inbound.id)
        self._effective(epoch)
        return redirect("/#sessions", 303)

    def end_all(self) -> Response:
        """Sign out everywhere, this browser included."""
        check_csrf()
        talk = exchange()
        subject = talk.recorded.identity.subject
        ended, epoch = self._sessions.end_all(subject, self._directory, record=talk.recorded.inbound.id)
        receipt = self._effective(epoch)
        talk.recorded.notes["sessions"] = len(ended)
        answer = self._frame.page("signed_out.html", reader=NOBODY, sessions_ended=len(ended), receipt=receipt)
        answer.set_cookie(COOKIE, "", max_age=0, path="/", secure=True, httponly=True, samesite="Lax")
        return answer

    def _services(self) -> list[dict[str, str]]:
        """The portals whose first page the PDP would let her see, now and with this session's ceiling or a step-up."""
        recorded, lang = exchange().recorded, self._frame.lang()
        systems, departments = self._register.systems(), self._directory.departments()
        field = "name_zh" if lang == "zh-CN" else "name_en"
        may = {name for name, route in self._portals.items() if self._may_open(route)}
        origin = recorded.inbound.origin
        return [
            {
                "name": getattr(systems[name], field),
                "department": getattr(departments[systems[name].department], field),
                "url": origin.replace(recorded.inbound.host, self._portals[name].host) + "/",
            }
            for name in self._portals if name in may and name in systems
        ]  # fmt: skip

    def _may_open(self, route: Route) -> bool:
        recorded, policies = exchange().recorded, self._policies()
        request = AccessRequest(
            id=recorded.inbound.id,
            at=recorded.inbound.at,
            subject=recorded.identity.subject,
            department=route.department,
            object=f"/{route.system}/",
            action=route.actions["GET"],
            label=route.label_of(("",), policies.facts.systems),
            ceiling=Label.L5,
        )
        return decide(policies, request).effect is Effect.PERMIT

    def _told(self, one: Session, current: str) -> dict[str, Any]:
        return {
            "id": one.id,
            "current": one.id == current,
            "started_at": one.started_at,
            "last_seen_at": one.seen_at,
            "address": one.address,
            "hosts": self._sessions.hosts(one.id),
            "assurance": one.assurance,
        }
