"""`bench login`: sign-ins per second, and how long a second portal takes that asks nothing any more.

Locust runs in a process of its own with `visitors.py`, which fills in the issuer's own page. A sign-in is timed from
the moment the password is sent to the page of the first portal; the second portal from its address to its page,
through the issuer and back without a prompt.

JSON: `logins_per_s`, `sign_ins`; `cpu_ms_per_login` of our processes (embedded: with the local issuer),
`apart_cpu_ms_per_login.PROGRAM` (keycloak, postgres, redis, nginx; `portals`: the demo's); `ms.STEP` with `median`,
`p99`, `max` of "form", "sign-in" and "second portal"; `failures.STEP`: how many; `controls`: of a wrong password; `ok`.
"""

import json as json_text
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import sqlalchemy as sa
from pyotp import random_base32

from authz import offices, store
from city.clock import clock
from city.demo import PORTALS, Running, up
from city.founding import found_city, issuer_file
from city.identifiers import mint
from city.issuer_administration import administration
from city.people import ISSUERS
from city.settings import Settings
from city.stack.up import Behind, StackFolder, stack_up
from city.stores import database_url
from city.supervisor import free_pair
from crypto.aead import Seal
from crypto.local_keys import load
from idp import store as identity_store
from idp.keycloak.people import Enrolled, enrol, subjects
from issuer.accounts import Accounts
from loadtests.browser import Browser
from loadtests.meter import CannotMeasure, cpu_seconds, cpu_seconds_apart
from loadtests.world import OURS, stack_folder
from storage.database import Database

ROOT = Path(__file__).parents[1]
VISITORS = 8  # signing in at once; each password costs the issuer a hash of 64 MiB
SECONDS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInCity:
    """A running city as its visitors know it."""

    port: int
    portals: tuple[str, str]  # addresses of two portals every visitor may open
    people: Sequence[Mapping[str, str]]  # login, password
    fields: tuple[str, str]  # what the issuer's form calls them
    password: str  # how the issuer keeps it
    ours: Sequence[int]  # processes whose CPU counts
    apart: Mapping[str, Sequence[int]]  # others', by name


@contextmanager
def embedded_city(folder: Path) -> Iterator[SignInCity]:
    """The demo city with a citizen for every visitor, its own issuer and its portals."""
    settings = Settings(data=folder / "city", port=free_pair())
    people = found_city(settings, clock=clock, mint=mint)
    citizens = _citizens()
    issuer = settings.data / "issuer"
    accounts = Accounts(issuer_file(issuer), Seal(load(issuer / "seal.key")), clock)
    subs = {one["login"]: accounts.create(**one, name=one["login"], totp_secret=random_base32()) for one in citizens}
    _settle(f"sqlite:///{settings.data / 'city.db'}", ISSUERS["embedded"], subs)
    with up(settings, people) as city:
        yield _city(city, citizens, fields=("login", "password"), password="argon2id at the local issuer")


@contextmanager
def stack(_folder: Path) -> Iterator[SignInCity]:
    """The same on the production profile, where Keycloak asks for the password."""
    citizens = _citizens()

    def settle(settings: Settings) -> None:
        with administration(settings) as admin:
            enrol(admin, (Enrolled(**one, name=one["login"], totp_secret="") for one in citizens))
            subs = subjects(admin, [one["login"] for one in citizens])
        _settle(database_url(settings), ISSUERS[settings.profile], subs)

    with stack_folder() as folder:
        place, behind = StackFolder(folder=folder / "stack"), Behind(settle=settle)
        cache = ROOT / ".citygate"
        with stack_up(place, port=free_pair(), cache=cache, clock=clock, mint=mint, behind=behind) as city:
            yield _city(city, citizens, fields=("username", "password"), password="argon2id at Keycloak")


CITIES: Mapping[str, Callable[[Path], AbstractContextManager[SignInCity]]] = {"embedded": embedded_city, "stack": stack}


def _citizens() -> list[dict[str, str]]:
    """One for each visitor, and one who only types wrong passwords."""
    return [{"login": f"visitor-{n}", "password": secrets.token_urlsafe(16)} for n in range(VISITORS + 1)]


def _city(city: Running, citizens: Sequence[Mapping[str, str]], **issuer: Any) -> SignInCity:
    at, pids = city.settings, city.supervisor.pids()
    return SignInCity(
        port=at.port,
        portals=(at.origin("marriage") + "/", at.origin("housing") + "/"),
        people=citizens,
        ours=[pid for name, pid in pids.items() if name in (*OURS, "city", "issuer")],
        apart={
            "portals": [pids[name] for name in PORTALS],
            **{name: [pids[name]] for name in ("keycloak", "postgres", "redis", "nginx") if name in pids},
        },
        **issuer,
    )


def _settle(url: str, iss: str, subs: Mapping[str, str]) -> None:
    """People in the directory, login → sub at `iss`, and the citizen's role."""
    database = Database(url)
    with database.transaction() as connection:
        record = connection.execute(sa.select(store.seal.c.record)).scalar_one()
        now = clock()
        for login, sub in subs.items():
            who = f"user:{mint()}"
            person = {"id": who, "iss": iss, "sub": sub, "login": login, "name": login}
            connection.execute(sa.insert(identity_store.person).values(**person, not_before=now, record=record))
            given = {"id": mint(), "subject": who, "role": offices.CITIZEN, "department": "city", "clearance": 3}
            given |= {"reason": "load test", "given_by": "bootstrap", "given_at": now, "record": record}
            connection.execute(sa.insert(store.assignment).values(given))
    database.close()


def measure(profile: str) -> dict[str, Any]:
    """Everything the command prints. Raises CannotMeasure, CannotStart."""
    with TemporaryDirectory(prefix="citygate-bench-") as scratch, CITIES[profile](Path(scratch)) as city:
        controls = control(city)
        before = cpu_seconds(city.ours), cpu_seconds_apart(city.apart)
        steps = {one["name"]: one for one in _locust(city, Path(scratch))}
        spent = cpu_seconds(city.ours) - before[0]
        apart = {name: seconds - before[1][name] for name, seconds in cpu_seconds_apart(city.apart).items()}
        controls = [*controls, *control(city)]
    signed_in = steps.get("sign-in", {"num_requests": 0, "num_failures": 0})
    done = signed_in["num_requests"] - signed_in["num_failures"]
    failures = {name: one["num_failures"] for name, one in steps.items()}
    return {
        "profile": profile,
        "method": {"visitors": VISITORS, "seconds": SECONDS, "password": city.password},
        "sign_ins": done,
        "logins_per_s": round(done / SECONDS, 2),
        "cpu_ms_per_login": round(1000 * spent / max(done, 1), 1),
        "apart_cpu_ms_per_login": {name: round(1000 * one / max(done, 1), 1) for name, one in apart.items()},
        "ms": {name: _spread(one["response_times"]) for name, one in steps.items()},
        "failures": failures,
        "controls": controls,
        "ok": done > 0 and not any(failures.values()) and set(controls) == {"wrong password: refused"},
    }


def control(city: SignInCity) -> list[str]:
    """Whether a wrong password leads to a portal; by somebody whom nobody else is."""
    browser = Browser(port=city.port, address="127.251.0.1")
    first = city.portals[0]
    try:
        form = browser.get(first)
        typed = dict(zip(city.fields, (city.people[-1]["login"], "wrong-" + secrets.token_hex(4)), strict=True))
        page = browser.submit(form, typed)
        again = browser.get(first)
    finally:
        browser.close()
    inside = any(one.status == 200 and not one.asks_password for one in (form, page, again))
    return [f"wrong password: {'answered' if inside else 'refused'}"]


def _locust(city: SignInCity, folder: Path) -> list[dict[str, Any]]:
    """Run the visitors; locust's own account of every step. Raises CannotMeasure."""
    told = folder / "city.json"
    told.touch(mode=0o600)
    told.write_text(json_text.dumps({**asdict(city), "people": city.people[:-1]}))
    command = [sys.executable, "-m", "locust", "-f", str(ROOT / "loadtests/visitors.py"), "--headless", "--json",
               "-u", str(VISITORS), "-r", str(VISITORS), "-t", f"{SECONDS}s", "--loglevel", "ERROR"]  # fmt: skip
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "CITYGATE_BENCH_CITY": str(told)}
    ended = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=SECONDS + 120
    )
    start = ended.stdout.find("[")
    if start < 0:
        raise CannotMeasure(f"locust: {ended.stderr[-2000:]}")
    steps: list[dict[str, Any]] = json_text.loads(ended.stdout[start:])
    return steps


def _spread(histogram: Mapping[str, int]) -> dict[str, float]:
    """Median, 99th percentile and maximum of locust's rounded milliseconds."""
    values = sorted(float(ms) for ms, count in histogram.items() for _ in range(count))
    if not values:
        return {}
    last = len(values) - 1
    return {"median": values[last // 2], "p99": values[min(last, round(last * 0.99))], "max": values[last]}


def main(json: bool, profile: str = "embedded") -> int:
    """Print the figures; 1 if a step failed or a wrong password opened a portal."""
    seen = measure(profile)
    if json:
        print(json_text.dumps(seen, indent=2))
    else:
        print(f"{seen['logins_per_s']} sign-ins/s ({seen['sign_ins']} by {VISITORS} visitors), ", end="")
        print(f"{seen['cpu_ms_per_login']} ms CPU each, beside {seen['apart_cpu_ms_per_login']}")
        for name, ms in seen["ms"].items():
            print(f"{name}: median {ms.get('median')} ms, p99 {ms.get('p99')}, max {ms.get('max')}")
        print(f"failed steps {seen['failures']}; {', '.join(seen['controls'])}")
    return 0 if seen["ok"] else 1
