"""The issuer's pages: sign in, second factor, sign out; the destination stays in the query, so none is a dead end."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any
from urllib.parse import urlsplit

from authlib.common.urls import add_params_to_uri
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2 import OAuth2Error
from flask import Response, request

from issuer.accounts import MAX_LOGIN_CHARS, Accounts
from issuer.demand import Demand
from issuer.errors import IssuerBusy, PageExpired, SignInError, TooManyAttempts
from issuer.messages import explain, text
from issuer.page_ticket import PageTickets
from issuer.sign_on import COOKIE, SignOn, SignOns

BROWSER_COOKIE = "__Host-city-browser"
Render = Callable[..., str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInPages:
    """The views. Each answers with a page or a redirect; what the person typed wrong stays on its page."""

    url: str
    portals: dict[str, str]  # origin → name
    server: AuthorizationServer
    accounts: Accounts
    sign_ons: SignOns
    tickets: PageTickets
    render: Render
    clock: Callable[[], datetime]
    language: Callable[[], str]  # of the reader: "en", or anything else for Chinese
    zone: tzinfo

    def authorize(self) -> Response:
        """The authorization endpoint (OIDC Core §3.1.2); its forms post to it again, with the same query."""
        if any(len(values) > 1 for _, values in request.args.lists()):
            return self._refused()
        demand = Demand.from_query(request.args)
        session = self.sign_ons.find(request.cookies.get(COOKIE, ""))
        is_known = session is not None and demand.takes_password_of(session, self.clock())
        is_done = is_known and session is not None and demand.is_reached_by(session)
        try:
            grant = self.server.get_consent_grant(end_user=session if is_done else None)
        except OAuth2Error as refusal:
            return self._error_to_client(refusal) if refusal.redirect_uri else self._refused()
        if request.method == "POST":
            return self._submitted(grant, demand, session)
        if is_known and session is not None:
            return self._onward(grant, demand, session)
        return self._login_page(login=session.account.login if session else "")

    def token(self) -> Response:
        """The token endpoint (OIDC Core §3.1.3)."""
        answer: Response = self.server.create_token_response()
        return answer

    def logout(self) -> Response:
        """RP-Initiated Logout: ends exactly the session its ID token hint names."""
        try:
            asked = self.server.validate_endpoint_request("end_session")
        except OAuth2Error:
            return self._message("nobody-signed-out", 400)
        if asked.needs_confirmation:
            return self._message("nobody-signed-out", 400)
        session = self.sign_ons.find(request.cookies.get(COOKIE, ""))
        answer: Response = self.server.create_endpoint_response("end_session", asked) or self._message(
            "signed-out", 200
        )
        if session is not None and session.sid == asked.id_token_claims["sid"]:
            answer.delete_cookie(COOKIE, secure=True, httponly=True, samesite="Lax")
        return answer

    def _submitted(self, grant: Any, demand: Demand, session: SignOn | None) -> Response:
        continued = session if "code" in request.form else None
        try:
            sid = continued.sid if continued else ""
            self.tickets.check(request.form.get("csrf", ""), sid=sid, **self._page())
        except PageExpired as expired:
            return self._message(expired.code, 400, restart_url=self._here())
        if continued:
            return self._code_given(grant, demand, continued)
        return self._password_given(grant, demand, session)

    def _password_given(self, grant: Any, demand: Demand, before: SignOn | None) -> Response:
        login = request.form.get("login", "")[:MAX_LOGIN_CHARS]
        try:
            account = self.accounts.verify(login, request.form.get("password", ""))
        except SignInError as failure:
            return self._login_page(login=login, failure=failure)
        return self._renewed(grant, demand, self.sign_ons.password_given(account, before))

    def _code_given(self, grant: Any, demand: Demand, session: SignOn) -> Response:
        try:
            self.accounts.verify_code(session.account.sub, request.form["code"].replace(" ", ""))
        except SignInError as failure:
            return self._code_page(session, failure=failure)
        return self._renewed(grant, demand, self.sign_ons.code_given(session))

    def _renewed(self, grant: Any, demand: Demand, cookie: str) -> Response:
        session = self.sign_ons.find(cookie)
        if session is None:  # disabled in this very moment
            return self._message("page-expired", 400, restart_url=self._here())
        answer = self._onward(grant, demand, session)
        _set_cookie(answer, COOKIE, cookie)
        return answer

    def _onward(self, grant: Any, demand: Demand, session: SignOn) -> Response:
        if demand.is_reached_by(session):
            answer: Response = self.server.create_authorization_response(grant=grant, grant_user=session)
            answer.status_code = 303  # RFC 9700 §4.12
            return answer
        if session.account.has_second_factor:
            return self._code_page(session)
        unmet = "unmet_authentication_requirements"
        return self._error_to_client(
            OAuth2Error(error=unmet, redirect_uri=grant.redirect_uri, state=request.args.get("state"))
        )

    def _login_page(self, *, login: str, failure: SignInError | None = None) -> Response:
        portal = urlsplit(request.args["redirect_uri"])
        return self._form(
            "login.html",
            failure,
            error=self._explain(failure, "") if failure else "",
            login=login,
            portal_name=self.portals[f"{portal.scheme}://{portal.netloc}"],
            restart_url=self._here(),
        )

    def _code_page(self, session: SignOn, *, failure: SignInError | None = None) -> Response:
        error = self._explain(failure, "code-refused") if failure else ""
        login = session.account.login
        return self._form("second_factor.html", failure, sid=session.sid, error=error, login=login)

    def _form(self, template: str, failure: SignInError | None, *, sid: str = "", **context: str) -> Response:
        page = self._page() if self._page()["browser"] else self._page() | {"browser": secrets.token_urlsafe(32)}
        csrf = self.tickets.issue(sid=sid, **page)
        answer = Response(self.render(template, csrf=csrf, action=self._here(), **context), status=_status(failure))
        _set_cookie(answer, BROWSER_COOKIE, page["browser"])
        if isinstance(failure, TooManyAttempts):
            answer.headers["Retry-After"] = str(int((failure.until - self.clock()).total_seconds()) + 1)
        return answer

    def _error_to_client(self, error: OAuth2Error) -> Response:
        parameters = [*error.get_body(), ("iss", self.url)]
        if (state := request.args.get("state")) and not error.state:
            parameters.append(("state", state))
        return Response(status=303, headers={"Location": add_params_to_uri(error.redirect_uri, parameters)})

    def _refused(self) -> Response:
        return self._message("request-refused", 400)

    def _message(self, code: str, status: int, *, restart_url: str = "") -> Response:
        title, message = text(f"{code}-title", self.language()), text(code, self.language())
        return Response(self.render("issuer_error.html", title=title, message=message, restart_url=restart_url), status)

    def _explain(self, failure: SignInError, code: str) -> str:
        return explain(failure, self.language(), zone=self.zone, now=self.clock(), code=code)

    @staticmethod
    def _here() -> str:
        return f"{request.path}?{request.query_string.decode('latin-1')}"

    def _page(self) -> dict[str, str]:
        return {"browser": request.cookies.get(BROWSER_COOKIE, ""), "destination": self._here()}


def language_of_browser() -> str:
    """What the browser prefers of Chinese and English."""
    return request.accept_languages.best_match(["zh", "en"], "zh") or "zh"


def _status(failure: SignInError | None) -> int:
    if failure is None:
        return 200
    return {TooManyAttempts: 429, IssuerBusy: 503}.get(type(failure), 400)


def _set_cookie(answer: Response, name: str, value: str) -> None:
    answer.set_cookie(name, value, secure=True, httponly=True, samesite="Lax", path="/")
