"""Keycloak's own sign-in page in a real browser, behind the routes the door has for it and no others."""

import http.client
import shutil
import string
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from gateway.errors import RouteUnknown
from gateway.public_rules import public_rules
from gateway.routes import RouteTable, load_routes
from idp.keycloak.realm import REALM
from idp.relying_party import Completed, RelyingParty
from tests.bounds import join_in_time
from tests.journeys.browsing import CHROMIUM
from tests.needs import need
from tests.stack.keycloak import LiveKeycloak, Somebody

ROUTES = Path(__file__).parents[3] / "deploy/stack/keycloak-routes.toml"


@pytest.fixture(scope="module")
def table(live_keycloak: LiveKeycloak, tmp_path_factory: pytest.TempPathFactory) -> RouteTable:
    file = tmp_path_factory.mktemp("routes") / "routes.toml"
    file.write_text(string.Template(ROUTES.read_text()).substitute(domain="localhost", login=live_keycloak.address))
    return RouteTable(load_routes(file))


@dataclass
class Passed:
    """What the browser asked for: what a route let through with its status, and what none did."""

    through: list[tuple[str, str, int]] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)


@pytest.fixture
def passed(live_keycloak: LiveKeycloak, table: RouteTable) -> Iterator[Passed]:
    """A proxy at the address that browsers know: the raw target, the Host and the cookies, by the table alone."""
    seen = Passed()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            path, host = urlsplit(self.path).path, self.headers["Host"].partition(":")[0]
            if host == "console.localhost":  # the door itself, where she comes back to
                self._answer(200, [("Content-Type", "text/html")], b"<p>back")
                return
            try:
                route, _ = table.find(host, path)
            except RouteUnknown:
                route = None
            if route is None or self.command not in route.actions:
                seen.refused.append((self.command, path))
                self._answer(404, [], b"")
                return
            connection = http.client.HTTPConnection("127.0.0.1", live_keycloak.port, timeout=20)
            headers = {name: value for name, value in self.headers.items() if name != "Connection"}
            connection.request(self.command, self.path, body or None, headers)
            response = connection.getresponse()
            content = response.read()
            connection.close()
            seen.through.append((self.command, path, response.status))
            self._answer(response.status, response.getheaders(), content)

        do_GET = do_POST = _pass

        def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
            self.send_response_only(status)
            for name, value in headers:
                if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", live_keycloak.public_port), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield seen
    server.shutdown()
    server.server_close()
    join_in_time(thread)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    need("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Browser, passed: Passed) -> Iterator[Callable[..., Page]]:
    contexts = []

    def new(**options: object) -> Page:
        context = chromium.new_context(**{"locale": "zh-CN", **options})
        contexts.append(context)
        context.set_default_timeout(15_000)
        return context.new_page()

    yield new
    for context in contexts:
        context.close()


def sign_in(page: Page, person: Somebody, party: RelyingParty, **begin: object) -> Completed:
    """Whatever the pages ask, until the browser is back at the portal."""
    begun = party.begin(person.live.console, "/", **begin)
    page.goto(begun.url)
    while page.url.startswith(person.live.url):
        if page.locator("input[name=otp]").count():
            page.fill("input[name=otp]", person.code())
        else:
            page.fill("input[name=username]", person.login)
            page.fill("input[name=password]", person.password)
        with page.expect_navigation():
            page.click("#kc-login")
    return party.complete(person.live.console, urlsplit(page.url).query, {begun.cookie_name: begun.cookie_value})


@pytest.mark.parametrize("options", [{}, {"java_script_enabled": False}], ids=["scripted", "without JavaScript"])
def test_somebody_signs_in_steps_up_and_signs_out(
    live_keycloak: LiveKeycloak, visit: Callable[..., Page], passed: Passed, options: dict[str, object]
) -> None:
    page, person, party = visit(**options), live_keycloak.somebody(), live_keycloak.party()
    assert sign_in(page, person, party).assurance == 2
    done = sign_in(page, person, party, acr=3)
    assert done.assurance == 3
    page.goto(party.logout_url(done.id_token, f"{live_keycloak.console}/"))
    assert page.url == f"{live_keycloak.console}/"
    assert [one for one in passed.refused if one[1] != "/favicon.ico"] == []
    assert [one for one in passed.through if one[2] >= 400] == []


def test_the_page_says_whose_it_is_in_two_languages_and_forgives_a_mistake(
    live_keycloak: LiveKeycloak, visit: Callable[..., Page], passed: Passed
) -> None:
    page, person = visit(), live_keycloak.somebody()
    page.goto(live_keycloak.party().begin(live_keycloak.console, "/").url)
    expect(page).to_have_title("城门 统一身份认证")
    page.fill("input[name=username]", person.login)
    page.fill("input[name=password]", "not hers at all")
    page.click("#kc-login")
    expect(page.locator("#input-error-username")).to_be_visible()
    page.select_option("#login-select-toggle", index=1)
    expect(page).to_have_title("citygate sign-in")
    assert passed.refused == []


def test_signing_out_without_a_hint_asks_first(
    live_keycloak: LiveKeycloak, visit: Callable[..., Page], passed: Passed
) -> None:
    page, person, party = visit(), live_keycloak.somebody(), live_keycloak.party()
    sign_in(page, person, party)
    page.goto(f"{live_keycloak.url}/protocol/openid-connect/logout")
    with page.expect_navigation():
        page.click("#kc-logout")
    page.goto(party.begin(live_keycloak.console, "/").url)
    expect(page.locator("input[name=password]")).to_be_visible()
    assert passed.refused == []


def test_who_was_given_a_password_sets_her_own(
    live_keycloak: LiveKeycloak, visit: Callable[..., Page], passed: Passed
) -> None:
    page, person, party = visit(), live_keycloak.somebody(), live_keycloak.party()
    live_keycloak.admin.put(f"{REALM}/users/{person.sub}", {"requiredActions": ["UPDATE_PASSWORD"]})
    begun = party.begin(live_keycloak.console, "/")
    page.goto(begun.url)
    page.fill("input[name=username]", person.login)
    page.fill("input[name=password]", person.password)
    with page.expect_navigation():
        page.click("#kc-login")
    for attempt in ("too short", "canary long enough for the policy"):
        page.fill("input[name=password-new]", attempt)
        page.fill("input[name=password-confirm]", attempt)
        with page.expect_navigation():
            page.click("input[type=submit], button[type=submit]")
    assert party.complete(
        live_keycloak.console, urlsplit(page.url).query, {begun.cookie_name: begun.cookie_value}
    ).sub == (person.sub)
    assert passed.refused == []


def test_a_stale_page_starts_again(live_keycloak: LiveKeycloak, visit: Callable[..., Page], passed: Passed) -> None:
    page, person, party = visit(), live_keycloak.somebody(), live_keycloak.party()
    begun = party.begin(person.live.console, "/")
    page.goto(begun.url)
    stale = page.locator("form").first.get_attribute("action")
    sign_in(page, person, party)
    page.goto(stale)
    assert passed.refused == []
    page.context.clear_cookies()
    page.goto(stale)
    expect(page).to_have_title("城门 统一身份认证")
    assert passed.refused == []


@pytest.mark.parametrize(
    "path",
    ["/admin/", "/admin/master/console/", f"/admin/realms/{REALM}", "/realms/master", "/realms/master/account",
     "/realms/master/protocol/openid-connect/auth", "/realms/master/protocol/openid-connect/token",
     f"/realms/{REALM}", f"/realms/{REALM}/account", f"/realms/{REALM}/protocol/openid-connect/token",
     f"/realms/{REALM}/protocol/openid-connect/userinfo", f"/realms/{REALM}/protocol/openid-connect/registrations",
     f"/realms/{REALM}/protocol/openid-connect/revoke", f"/realms/{REALM}/clients-registrations/default",
     f"/realms/{REALM}/login-actions/registration", f"/realms/{REALM}/login-actions/reset-credentials",
     f"/realms/{REALM}/broker/elsewhere/login", "/metrics", "/health", "/js/keycloak.js"],
)  # fmt: skip
def test_nothing_else_of_keycloak_is_reachable(table: RouteTable, path: str) -> None:
    with pytest.raises(RouteUnknown):
        table.find("login.localhost", path)


def test_whoever_signs_in_is_nobody_yet(table: RouteTable) -> None:
    assert all(route.public and route.label == 1 for route in table.routes)
    assert len(public_rules(table.routes)) >= len(table.routes)
