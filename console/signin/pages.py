"""Under `/.citygate/`: sign in, come back, sign out, be signed out by the issuer, send a parked request again."""

import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from urllib.parse import urlencode

import ua_parser
from flask import jsonify, redirect, request, send_from_directory
from werkzeug import Response

from authz.label import ceiling_of
from authz.lease import Receipt
from authz.park import ParkedRequest, Parking
from console.shell.act import act_without_form, current_act, current_request, reader
from console.shell.frame import Frame
from console.shell.views import PageViews
from console.signin.routes import BACKCHANNEL_LOGOUT_PATH
from gateway.authenticate import cookie_of
from gateway.local import exchange
from gateway.refuse import LOGIN_PATH, RESUME_PATH, STEP_UP_ASSURANCE
from gateway.stages import Headers, Inbound, Raw
from idp import session
from idp.directory import Directory, Person
from idp.errors import CredentialRejected, IssuerUnavailable, LoginRejected, PersonUnknown, SessionUnknown
from idp.logout_token import LoggedOut
from idp.relying_party import Begun, Completed, RelyingParty
from idp.session import Sessions
from storage.act import Act

_USER_AGENT_CHARS, _DEVICE_CHARS = 300, 80  # read; and kept


class SignIn:
    """The views; each runs in a thread, behind `handle` like any other."""

    def __init__(
        self,
        frame: Frame,
        *,
        relying_party: RelyingParty,
        sessions: Sessions,
        directory: Directory,
        parking: Parking,
        effective: Callable[[int], Receipt],
        forget: Callable[[str], None],
        jwks: Callable[[], dict[str, list[dict[str, str]]]],
    ) -> None:
        self._frame, self._relying_party, self._sessions = frame, relying_party, sessions
        self._directory, self._parking, self._effective = directory, parking, effective
        self._forget, self._jwks = forget, jwks

    def blueprint(self) -> PageViews:
        """All of them, by path."""
        views = PageViews("door", __name__)
        views.get("/.citygate/login")(self.login)
        views.get("/.citygate/callback")(self.callback)
        views.get("/.citygate/logout")(self.ask_logout)
        views.post("/.citygate/logout")(self.logout)
        views.post(BACKCHANNEL_LOGOUT_PATH)(self.backchannel_logout)
        views.get("/.citygate/resume/{parked}")(self.ask_resume)
        views.post("/.citygate/resume/{parked}")(self.resume)
        views.get("/.citygate/static/{file}")(static)
        views.get("/.well-known/citygate/jwks.json")(lambda: jsonify(self._jwks()))
        return views

    def login(self) -> Response:
        """Begin a login that comes back to `return_to`, at least at `assurance`."""
        wanted = request.args.get("assurance", "")
        acr = int(wanted) if wanted in ("2", "3", "4", "5") else None
        return self._begin(request.args.get("return_to", "/"), acr=acr)

    def callback(self) -> Response:
        """Complete a login: a session, a new cookie for this host, and on to where she was going."""
        act, inbound = act_without_form(), current_request().inbound
        login = self._relying_party.complete(inbound.origin, inbound.query, request.cookies)
        person = self._person(login)
        previous = cookie_of(inbound)
        self._end_other(previous, person.id, act)
        try:
            cookie = self._sessions.begin(
                login,
                person_id=person.id,
                host=inbound.host,
                address=inbound.address,
                previous=previous,
                act=act,
                device=_device_of(inbound.header(b"user-agent") or ""),
            )
        except LoginRejected:  # she signed out since: that sign-in at the issuer no longer counts
            return self._begin(login.return_to, prompt="login")
        if previous:
            self._forget(previous)
        act.note({"person": person.id, "assurance": login.assurance})
        answer = redirect(login.return_to, 303)
        _set_cookie(answer, session.COOKIE, cookie)
        _drop_cookie(answer, login.cookie_name)
        return _forbid_caching(answer)

    def ask_logout(self) -> Response:
        """A page with one button: a link alone never signs anybody out (ASVS 10.6.2)."""
        return self._frame.page("sign_out.html", csrf=reader().csrf)

    def logout(self) -> Response:
        """End this session here, on every host, and at the issuer."""
        answer, identity = redirect("/", 303), reader()
        if identity.session:
            act = current_act()
            hint, epoch = self._sessions.end(identity.session, person_id=identity.subject, act=act)
            self._effective(epoch)
            with contextlib.suppress(IssuerUnavailable):  # over it is over here, whoever else is away
                back = current_request().inbound.origin + "/"
                answer = redirect(self._relying_party.logout_url(hint, back), 303)
        _drop_cookie(answer, session.COOKIE)
        return _forbid_caching(answer)

    def backchannel_logout(self) -> Response:
        """The issuer says that a sign-on is over; when this answers it is, at every gateway (Back-Channel Logout §2.5).

        Nothing of it alive is as good (§2.7). Raises LogoutRejected.
        """
        act, tokens = act_without_form(), request.form.getlist("logout_token")
        logout = self._relying_party.logged_out(tokens[0] if len(tokens) == 1 else "")
        epoch = self._end_sign_on(logout, act)
        act.note({"ended": int(epoch is not None)})
        if epoch is not None:
            self._effective(epoch)
        return _forbid_caching(Response(status=200))

    def ask_resume(self, parked: str) -> Response:
        """The door's own page for a parked request, with the one button that sends the same bytes again."""
        identity, host = reader(), current_request().inbound.host
        waiting = self._parking.look(parked, subject=identity.subject, host=host)
        names = self._directory.names([waiting.decided_by])
        return self._frame.page(
            "resume.html",
            method=waiting.method,
            host=waiting.host,
            target=waiting.target,
            size=len(waiting.body),
            parked_at=waiting.parked_at,
            waits=waiting.approval_request is not None,
            verdict=waiting.verdict,
            decided_by={"name": names.get(waiting.decided_by, ""), "id": waiting.decided_by},
            reason=waiting.reason,
            action=RESUME_PATH + parked,
            csrf=identity.csrf,
            discard_url="/",
        )

    def resume(self, parked: str) -> Response:
        """Hand the parked request back to the door, as a new one of its requester, who brings his credential anew."""
        act, identity, inbound = current_act(), reader(), current_request().inbound
        wanted = self._parking.look(parked, subject=identity.subject, host=inbound.host).approval_request
        if wanted and identity.session and ceiling_of(identity.assurance) < wanted.label:
            way = {"return_to": RESUME_PATH + parked, "assurance": str(STEP_UP_ASSURANCE)}
            return redirect(f"{LOGIN_PATH}?{urlencode(way)}", 303)  # else it would be taken, and refused
        again = self._parking.take(parked, host=inbound.host, act=act)
        act.note({"request": parked})
        exchange().again = _raw(again, inbound)
        return Response(status=204)

    def _begin(self, return_to: str, *, acr: int | None = None, prompt: str = "") -> Response:
        begun: Begun = self._relying_party.begin(
            current_request().inbound.origin, return_to, acr=acr, prompt=prompt, cookies=request.cookies
        )
        answer = redirect(begun.url, 303)
        _set_cookie(answer, begun.cookie_name, begun.cookie_value, max_age=int(begun.cookie_lifetime.total_seconds()))
        for stale in begun.stale_cookies:
            _drop_cookie(answer, stale)
        return _forbid_caching(answer)

    def _end_other(self, previous: str, person_id: str, act: Act) -> None:
        """Who signs in at a shared machine leaves nothing of whoever was there before."""
        with contextlib.suppress(SessionUnknown, CredentialRejected):
            other = self._sessions.find(session.digest(previous), record=act.record)
            if other.person != person_id:
                _, epoch = self._sessions.end(other.id, person_id=other.person, act=act)
                self._effective(epoch)

    def _end_sign_on(self, logout: LoggedOut, act: Act) -> int | None:
        """End that sign-on, or every session of that person; the epoch, None where nothing was alive."""
        if logout.sid:
            return self._sessions.end_sign_on(iss=logout.iss, sid=logout.sid, act=act)
        try:
            person = self._directory.person_of(iss=logout.iss, sub=logout.sub)
        except PersonUnknown:
            return None
        return self._sessions.end_all(person.id, self._directory, act=act)[1]

    def _person(self, login: Completed) -> Person:
        try:
            return self._directory.person_of(iss=login.iss, sub=login.sub)
        except PersonUnknown as unknown:
            raise LoginRejected("not in the directory", return_to=login.return_to) from unknown


def static(file: str) -> Response:
    """A file of console/shell/static; its address changes with its bytes."""
    answer = send_from_directory("shell/static", file, max_age=31_536_000)
    answer.headers["x-content-type-options"] = "nosniff"
    return answer


def _raw(parked: ParkedRequest, inbound: Inbound) -> Raw:
    """The parked request as if it came in with `inbound`: from the same address, with the same credentials."""
    own = {b"host", b"cookie", b"origin", b"user-agent", b"authorization"}
    headers: Headers = (
        *(pair for pair in inbound.headers if pair[0] in own),
        *((name.encode(), value.encode("latin-1")) for name, value in parked.headers),
        (b"content-length", str(len(parked.body)).encode()),
    )

    async def body() -> AsyncIterator[bytes]:
        yield parked.body

    return Raw(
        method=parked.method.encode(),
        target=parked.target.encode(),
        headers=headers,
        peer=inbound.address,
        body=body,
        scheme=inbound.origin.partition(":")[0],
        resumed=parked.id,
        approver=parked.approver,
    )


def _device_of(user_agent: str) -> str:
    """What a browser calls itself, in words: "Firefox 128 · Linux"; "" where nobody knows it (RFC 9110 §10.1.5)."""
    known = ua_parser.parse(user_agent[:_USER_AGENT_CHARS])
    named = (f"{part.family} {part.major or ''}".strip() for part in (known.user_agent, known.os) if part)
    return " · ".join(named)[:_DEVICE_CHARS]


def _set_cookie(answer: Response, name: str, value: str, *, max_age: int | None = None) -> None:
    answer.set_cookie(name, value, max_age=max_age, path="/", secure=True, httponly=True, samesite="Lax")


def _drop_cookie(answer: Response, name: str) -> None:
    answer.set_cookie(
        name, "", expires=datetime(1970, 1, 1, tzinfo=UTC), path="/", secure=True, httponly=True, samesite="Lax"
    )


def _forbid_caching(answer: Response) -> Response:
    answer.headers["cache-control"] = "no-store"
    answer.headers["referrer-policy"] = "no-referrer"
    return answer
