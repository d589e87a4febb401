"""The home page: my services, my sessions, sign out everywhere."""

from collections.abc import Callable, Mapping
from typing import Any

from flask import redirect
from werkzeug import Response

from authz.decide import decide
from authz.label import Label
from authz.lease import Receipt
from authz.policy import PolicySet
from authz.register import Register
from authz.request import AccessRequest, Effect
from console.home.acts import end_session, sign_out_everywhere
from console.shell.act import current_act, current_request, reader
from console.shell.frame import Frame
from console.shell.names import name_in
from console.shell.views import PageViews
from gateway.routes import Route
from idp.directory import Directory
from idp.identity import NOBODY, Identity
from idp.session import COOKIE, Session, Sessions


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

    def blueprint(self) -> PageViews:
        """All of them, by path."""
        views = PageViews("citizen", __name__)
        views.get("/")(self.home)
        views.post("/sessions/{session}/end")(self.end)
        views.post("/sessions/end-all")(self.end_all)
        return views

    def home(self) -> Response:
        """Services that are open to her, desks she holds, where she is signed in."""
        if current_request().route.public:  # the entrance
            return redirect(self._frame.origin + "/", 303)
        identity = reader()
        desks = [{"href": href, "name": name} for href, name in self._frame.desks(identity)]
        earlier = self._sessions.find_earlier(identity.session, person_id=identity.subject)
        return self._frame.page(
            "home.html",
            assurance=identity.assurance,
            services=self._services(),
            desks=desks,
            last_sign_in={"at": earlier.started_at, "address": earlier.address} if earlier else None,
            sessions=self._devices(identity),
            receipt=self._frame.receipts.read("/"),
            csrf=identity.csrf,
        )

    def end(self, session: str) -> Response:
        """End one of her sessions, and say so only when no gateway lets it through any more."""
        receipt = end_session(self._sessions, self._effective, current_act(), session)
        return self._frame.receipts.redirect_with("/", "session-ended", receipt)

    def end_all(self) -> Response:
        """Sign out everywhere, this browser included."""
        act = current_act()
        ended, receipt = sign_out_everywhere(self._sessions, self._directory, self._effective, act)
        act.note({"sessions": ended})
        answer = self._frame.page("signed_out.html", identity=NOBODY, sessions_ended=ended, receipt=receipt)
        answer.set_cookie(COOKIE, "", max_age=0, path="/", secure=True, httponly=True, samesite="Lax")
        return answer

    def _services(self) -> list[dict[str, str]]:
        """The portals whose first page the PDP would let her see, now and with this session's ceiling or a step-up."""
        inbound, lang = current_request().inbound, self._frame.lang()
        systems, departments = self._register.systems(), self._directory.departments()
        may = {name for name, route in self._portals.items() if self._may_open(route)}
        return [
            {
                "name": name_in(systems[name], lang),
                "department": name_in(departments[systems[name].department], lang),
                "url": inbound.origin.replace(inbound.host, self._portals[name].host) + "/",
            }
            for name in self._portals if name in may and name in systems
        ]  # fmt: skip

    def _may_open(self, route: Route) -> bool:
        inbound, policies = current_request().inbound, self._policies()
        request = AccessRequest(
            id=inbound.id,
            at=inbound.at,
            subject=reader().subject,
            department=route.department,
            object=f"/{route.system}/",
            action=route.actions["GET"],
            label=route.label_of(("",), policies.facts.systems),
            ceiling=Label.L5,
        )
        return decide(policies, request).effect is Effect.PERMIT

    def _devices(self, identity: Identity) -> list[dict[str, Any]]:
        """Her sessions: this one first, the others by last use."""
        alive = sorted(self._sessions.list_alive(identity.subject), key=lambda session: session.seen_at, reverse=True)
        alive.sort(key=lambda session: session.id != identity.session)
        return [self._row(session, identity.session) for session in alive]

    def _row(self, session: Session, current: str) -> dict[str, Any]:
        return {
            "id": session.id,
            "current": session.id == current,
            "started_at": session.started_at,
            "last_seen_at": session.seen_at,
            "address": session.address,
            "device": session.device,
            "hosts": self._sessions.hosts(session.id),
            "assurance": session.assurance,
        }
