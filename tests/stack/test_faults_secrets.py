"""After everything was broken: nothing secret was written down where it does not belong."""

import re
import stat
from pathlib import Path

from crypto.local_keys import load
from tests.faults.visitor import Browser as AnyBrowser
from tests.faults.visitor import csrf_of, key, origin
from tests.stack.breaking import Browser, members, secret

SHORTEST_SECRET = 16  # characters; what is shorter is a number or a word
BETWEEN_PARTS = ("postgres", "database", "redis", "provisioner", "data-plane")
THEIRS = ("secrets", "city/keys", "postgres", "keycloak/data")  # where they are kept, closed to others
PLACES = {
    "redis/redis.conf": "redis",
    "city/run/nginx/secret.conf": "data-plane",
    "pgbackrest/pgpass": "postgres",
}  # the one that a part is started with
TOLD = "city/demo-people.json"  # of a demo city alone
TOKEN = re.compile(rb"eyJ[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}\.")


def test_nothing_secret_was_ever_written_down_on_the_stack(city) -> None:
    """fault: after everything in this folder — no password, code, cookie, key or token of people, and no password between the parts, is in a log, an audit file or an argv."""
    browser = Browser(city)
    browser.sign_in("wang", assurance=3)
    form = {"csrf": csrf_of(browser.ask("marriage", "GET", "/.citygate/logout").body)}
    browser.follow(
        browser.ask("marriage", "POST", "/.citygate/logout", form, {"Origin": origin(city, "marriage")}), "marriage"
    )
    place, people = city.data.parent, city.facts["people"]
    needles = _needles(city, people)
    assert len(needles) > 40
    codes = [re.compile(rb'["= ]%s["&\s]' % code.encode()) for code in AnyBrowser.codes]
    read = 0
    for path in sorted(place.rglob("*")):
        name = str(path.relative_to(place))
        if path.is_symlink() or not path.is_file() or name.startswith(THEIRS):
            continue
        data, read = path.read_bytes(), read + 1
        found = {needle for needle in needles if needle in data}
        if name in PLACES:
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert found == {secret(city, PLACES[name]).encode()}
        elif name == TOLD:
            assert found, "what the founding told, the search does find"
        else:
            assert (found, TOKEN.findall(data), [code for code in codes if code.search(data)]) == (set(), [], []), name
    assert read > 20
    for name in THEIRS:
        assert stat.S_IMODE((place / name).stat().st_mode) & 0o077 == 0 or name == "keycloak/data", name
    assert stat.S_IMODE((place / "keycloak").stat().st_mode) == 0o700
    for number in members(city).values():
        argv = Path(f"/proc/{number}/cmdline").read_bytes()
        assert [needle for needle in needles if needle in argv] == []


def _needles(city, people: list) -> set[bytes]:
    keys = city.data / "keys"
    found = {secret(city, name) for name in BETWEEN_PARTS} | AnyBrowser.secrets
    found |= {one[what] for one in people for what in ("password", "totp_secret")}
    found |= {key(city, one["login"])["Authorization"].removeprefix("Bearer ") for one in people}
    found |= {load(keys / f"{name}.key").hex() for name in ("client", "watcher")}
    return {one.encode() for one in found if len(one) >= SHORTEST_SECRET}
