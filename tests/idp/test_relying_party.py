"""The whole login against a live issuer, and everything that must not become a session."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pyotp
import pytest

from crypto.aead import Seal
from idp.errors import IssuerUnavailable, LoginRejected
from idp.issuer import Backchannel, Issuer
from idp.relying_party import MAX_FLOWS, Begun, Completed, RelyingParty
from idp.return_to import MAX_CHARS
from storage.database import Database
from storage.ephemeral import DatabaseEphemeral
from tests.issuer.live import (
    CLIENT_ID,
    CLIENT_SECRET,
    HOUSING,
    MARRIAGE,
    PASSWORD,
    SEED,
    Browser,
    Clock,
    LiveIssuer,
    live_issuer,
)


@dataclass
class City:
    issuer: LiveIssuer
    party: RelyingParty
    clock: Clock
    browser: Browser

    def begin(self, origin: str = MARRIAGE, return_to: str = "/files/1?page=2", **more: object) -> Begun:
        return self.party.begin(origin, return_to, **more)

    def sign_in(self, begun: Begun) -> str:
        """The query that the issuer sends to the callback."""
        answer = self.browser.get(begun.url)
        while answer.status == 200:
            code = pyotp.TOTP(SEED).at(self.clock())
            answer = (
                self.browser.give_code(answer, code) if "name=code" in answer.text else self.browser.sign_in(answer)
            )
        return answer.location.partition("?")[2]

    def complete(self, begun: Begun, query: str, origin: str = MARRIAGE) -> Completed:
        return self.party.complete(origin, query, {begun.cookie_name: begun.cookie_value})


def spent_states(folder: Path, clock: Clock) -> DatabaseEphemeral:
    database = Database(f"sqlite:///{folder / 'spent.db'}")
    database.migrate()
    return DatabaseEphemeral(database, clock=clock)


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    clock = Clock()
    with live_issuer(tmp_path, clock) as issuer:
        issuer.accounts.create("li", PASSWORD, "李雷", SEED)
        place = Backchannel(address="127.0.0.1", port=issuer.port)
        party = RelyingParty(
            Issuer(issuer.url, backchannel=place, monotonic=clock.monotonic),
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            seal=Seal(b"r" * 32),
            spent=spent_states(tmp_path, clock),
            clock=clock,
        )
        yield City(issuer, party, clock, Browser(issuer))


def changed(query: str, **values: str | None) -> str:
    fields = {name: value[0] for name, value in parse_qs(query).items()} | values
    return urlencode({name: value for name, value in fields.items() if value is not None})


def test_a_login_says_who_how_well_proven_and_where_to(city: City) -> None:
    begun = city.begin()
    completed = city.complete(begun, city.sign_in(begun))
    assert (completed.iss, completed.name, completed.assurance) == (city.issuer.url, "李雷", 2)
    assert (completed.auth_time, completed.return_to) == (city.clock(), "/files/1?page=2")
    assert (len(completed.sub), bool(completed.sid)) == (36, True)
    assert completed.cookie_name == begun.cookie_name


def test_a_second_portal_signs_in_without_a_page_and_shares_the_session(city: City) -> None:
    first = city.begin()
    one = city.complete(first, city.sign_in(first))
    second = city.begin(HOUSING)
    answer = city.browser.get(second.url)
    assert answer.status == 303
    two = city.complete(second, answer.location.partition("?")[2], HOUSING)
    assert (one.sid, one.sub) == (two.sid, two.sub)


def test_a_step_up_keeps_the_session_and_raises_the_assurance(city: City) -> None:
    first = city.begin()
    before = city.complete(first, city.sign_in(first))
    up = city.begin(acr=3)
    after = city.complete(up, city.sign_in(up))
    assert (after.assurance, after.sid) == (3, before.sid)


def test_what_the_browser_holds_tells_it_nothing_and_fits_a_cookie(city: City) -> None:
    begun = city.begin(return_to="/" + "x" * (MAX_CHARS - 1))
    assert begun.cookie_name.startswith("__Host-citygate-flow-")
    assert len(begun.cookie_name + begun.cookie_value) < 4096
    assert "marriage" not in begun.cookie_value


def test_two_tabs_do_not_disturb_each_other(city: City) -> None:
    one, two = city.begin(return_to="/one"), city.begin(return_to="/two")
    cookies = {begun.cookie_name: begun.cookie_value for begun in (one, two)}
    queries = [city.sign_in(two), city.sign_in(one)]
    assert [city.party.complete(MARRIAGE, query, cookies).return_to for query in queries] == ["/two", "/one"]


def test_a_browser_keeps_only_its_latest_logins(city: City) -> None:
    cookies: dict[str, str] = {"other": "x"}
    for _ in range(3 * MAX_FLOWS):
        begun = city.begin(cookies=cookies)
        cookies = {name: value for name, value in cookies.items() if name not in begun.stale_cookies}
        cookies[begun.cookie_name] = begun.cookie_value
    assert len(cookies) == MAX_FLOWS + 1


def test_a_callback_counts_once(city: City) -> None:
    begun = city.begin()
    query = city.sign_in(begun)
    city.complete(begun, query)
    with pytest.raises(LoginRejected, match="already completed"):
        city.complete(begun, query)


def test_a_used_code_cannot_be_carried_into_another_login(city: City) -> None:
    first, second = city.begin(), city.begin()
    query = city.sign_in(first)
    city.complete(first, query)
    code = parse_qs(query)["code"][0]
    with pytest.raises(LoginRejected, match="refuses the code"):
        city.complete(second, changed(city.sign_in(second), code=code))


def test_a_stolen_unused_code_does_not_fit_another_login(city: City) -> None:
    victim, attacker = city.begin(), city.begin()
    code = parse_qs(city.sign_in(victim))["code"][0]
    with pytest.raises(LoginRejected, match="refuses the code"):
        city.complete(attacker, changed(city.sign_in(attacker), code=code))


def test_another_browsers_callback_is_refused(city: City) -> None:
    ours, theirs = city.begin(), city.begin()
    query = city.sign_in(theirs)
    with pytest.raises(LoginRejected):
        city.complete(ours, query)
    with pytest.raises(LoginRejected):
        city.party.complete(MARRIAGE, query, {})
    with pytest.raises(LoginRejected):
        city.party.complete(MARRIAGE, query, {theirs.cookie_name: ours.cookie_value})


def test_a_state_that_only_begins_alike_is_refused(city: City) -> None:
    begun = city.begin()
    query = city.sign_in(begun)
    state = parse_qs(query)["state"][0]
    with pytest.raises(LoginRejected, match="no such login"):
        city.complete(begun, changed(query, state=state[:-1] + ("A" if state[-1] != "A" else "B")))


def test_another_origins_cookie_is_refused(city: City) -> None:
    begun = city.begin(HOUSING)
    query = city.sign_in(begun)
    with pytest.raises(LoginRejected, match="another origin"):
        city.complete(begun, query, MARRIAGE)


def test_a_cookie_of_another_key_or_purpose_is_refused(city: City) -> None:
    begun = city.begin()
    query = city.sign_in(begun)
    for value in ("", "x", "AAAA", begun.cookie_value[:-8] + "AAAAAAA=", begun.cookie_value[4:], "é"):
        with pytest.raises(LoginRejected):
            city.party.complete(MARRIAGE, query, {begun.cookie_name: value})


@pytest.mark.parametrize(
    "change",
    [
        {"iss": None},
        {"iss": "http://evil.localhost/realms/city"},
        {"iss": ""},
        {"state": None},
        {"state": ""},
        {"code": None},
        {"code": ""},
        {"code": "guessed"},
        {"error": "access_denied"},
        {"error": "login_required", "code": None},
    ],
    ids=str,
)
def test_an_answer_with_a_wrong_part_is_refused(city: City, change: dict[str, str | None]) -> None:
    begun = city.begin()
    with pytest.raises(LoginRejected):
        city.complete(begun, changed(city.sign_in(begun), **change))


def test_an_answer_with_two_readings_is_refused(city: City) -> None:
    begun = city.begin()
    query = city.sign_in(begun)
    for name in ("code", "state", "iss", "x"):
        with pytest.raises(LoginRejected, match="more than one reading"):
            city.complete(begun, f"{query}&{name}=a&{name}=b")
    for hostile in ("a=" + "x" * 10_000, "&".join(f"p{number}=1" for number in range(30)), "state=%ff"):
        with pytest.raises(LoginRejected):
            city.complete(begun, hostile)


def test_a_login_may_take_ten_minutes_and_not_longer(city: City) -> None:
    begun = city.begin()
    city.clock.pass_by(minutes=10, seconds=1)
    with pytest.raises(LoginRejected, match="too long") as refusal:
        city.complete(begun, city.sign_in(begun))
    assert refusal.value.return_to == "/files/1?page=2"


def test_an_assurance_that_was_not_reached_is_refused(city: City) -> None:
    begun = city.begin(acr=3)
    asked = urlsplit(begun.url)
    lowered = asked._replace(query=changed(asked.query, acr_values=None)).geturl()
    page = city.browser.get(lowered)
    answer = city.browser.sign_in(page)
    with pytest.raises(LoginRejected, match="assurance"):
        city.complete(begun, answer.location.partition("?")[2])


def test_a_fresh_sign_in_that_did_not_happen_is_refused(city: City) -> None:
    first = city.begin()
    city.complete(first, city.sign_in(first))
    city.clock.pass_by(minutes=5)
    begun = city.begin(prompt="login")
    asked = urlsplit(begun.url)
    answer = city.browser.get(asked._replace(query=changed(asked.query, prompt=None)).geturl())
    with pytest.raises(LoginRejected, match="fresh"):
        city.complete(begun, answer.location.partition("?")[2])


def test_a_nonce_of_another_login_is_refused(city: City) -> None:
    begun = city.begin()
    asked = urlsplit(begun.url)
    page = city.browser.get(asked._replace(query=changed(asked.query, nonce="another")).geturl())
    with pytest.raises(LoginRejected, match="nonce"):
        city.complete(begun, city.browser.sign_in(page).location.partition("?")[2])


def test_signing_in_goes_on_while_the_issuers_keys_rotate(city: City) -> None:
    for _ in range(4):
        begun = city.begin()
        city.complete(begun, city.sign_in(begun))
        city.issuer.keys.rotate()
        city.clock.pass_by(minutes=11)


def test_prompt_none_comes_back_without_a_page(city: City) -> None:
    begun = city.begin(prompt="none")
    answer = city.browser.get(begun.url)
    assert "error=login_required" in answer.location
    with pytest.raises(LoginRejected):
        city.complete(begun, answer.location.partition("?")[2])


def test_signing_out_comes_back_to_the_portal(city: City) -> None:
    begun = city.begin()
    completed = city.complete(begun, city.sign_in(begun))
    answer = city.browser.get(city.party.logout_url(completed.id_token, MARRIAGE + "/"))
    assert (answer.status, answer.location) == (302, MARRIAGE + "/")
    assert city.browser.get(city.begin().url).status == 200


def test_an_issuer_that_is_down_is_said_so(tmp_path: Path) -> None:
    clock = Clock()
    issuer = Issuer(
        "http://x.localhost", backchannel=Backchannel(address="127.0.0.1", port=1), monotonic=clock.monotonic
    )
    spent = spent_states(tmp_path, clock)
    party = RelyingParty(issuer, client_id="c", client_secret="s", seal=Seal(b"r" * 32), spent=spent, clock=clock)
    with pytest.raises(IssuerUnavailable):
        party.begin(MARRIAGE, "/")
