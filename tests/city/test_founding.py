"""The demo's founding: whole or not there, secrets of each city alone, and the same people under another port."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from authz.bootstrap import CLOCK
from city.clock import clock
from city.founding import PEOPLE, found_city
from city.identifiers import mint
from city.parts import open_city
from city.people import ISSUERS
from city.settings import Settings, to_environment
from city.stores import open_stores
from city.supervisor import free_pair
from crypto.aead import Seal
from crypto.kept_key import kept_key
from crypto.local_keys import create, load
from idp.directory import Directory
from storage.database import Database
from tests.acts import an_act
from tests.founded_city import open_founded_city

ROOT = Path(__file__).parents[2]
KEYS = ("kek", "audit", "assertion", "pairwise", "client")
RUN = (
    "from city.clock import clock; from city.identifiers import mint; import sys; from pathlib import Path; from city.founding import found_city; from city.settings import Settings; \
found_city(Settings(data=Path(sys.argv[1])), clock=clock, mint=mint)"
)


@pytest.fixture(scope="module")
def after_a_crash(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A city founded where a founding was killed in its middle."""
    place = tmp_path_factory.mktemp("cities") / "city"
    killed = subprocess.Popen([sys.executable, "-c", RUN, str(place)], cwd=ROOT)
    scratch = place.with_name("city.founding")
    while not list(scratch.glob("issuer/accounts.db*")):
        assert killed.poll() is None
        time.sleep(0.01)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait(30)
    assert not place.exists(), "half a city"
    with ThreadPoolExecutor(2) as threads:  # and by two at once, of whom one founds
        people = list(threads.map(lambda _: found_city(Settings(data=place), clock=clock, mint=mint), range(2)))
    assert people[0] == people[1]
    assert [path.name for path in place.parent.iterdir()] == ["city"], "the killed founding left something"
    return place


def test_a_founding_that_was_killed_leaves_nothing_and_the_next_one_works(after_a_crash: Path) -> None:
    settings = Settings(data=after_a_crash)
    city = open_city(settings, stores := open_stores(settings, clock=clock))
    assert len(city.people.directory.people(city.people.directory.departments())) == 10
    city.records.spool.close()
    stores.close()


def test_nobody_else_on_the_machine_reads_its_secrets(after_a_crash: Path) -> None:
    assert stat.S_IMODE(after_a_crash.stat().st_mode) == 0o700
    secret = [
        after_a_crash / PEOPLE,
        *after_a_crash.glob("keys/*.key"),
        *after_a_crash.glob("keys/access/*"),
        *after_a_crash.glob("issuer/*.key"),
    ]
    assert len(secret) >= 1 + len(KEYS) + 1 + 12
    assert {stat.S_IMODE(path.stat().st_mode) for path in secret} == {0o600}


def test_another_city_has_other_passwords_seeds_and_keys(founded: Path, after_a_crash: Path) -> None:
    one, other = (json.loads((place / PEOPLE).read_text()) for place in (founded, after_a_crash))
    assert [person["login"] for person in one] == [person["login"] for person in other]
    for secret in ("password", "totp_secret"):
        values = [person[secret] for person in (*one, *other)]
        assert len(set(values)) == len(values)
    assert {load(founded / f"keys/{name}.key") for name in KEYS}.isdisjoint(
        load(after_a_crash / f"keys/{name}.key") for name in KEYS
    )
    assert kept_key(founded / "keys", "qian") != kept_key(after_a_crash / "keys", "qian")
    assert kept_key(founded / "keys", CLOCK)


def test_a_city_that_is_there_is_not_founded_again(founded: Path) -> None:
    before = {path: path.read_bytes() for path in founded.rglob("*") if path.is_file()}
    people = found_city(Settings(data=founded, port=9999), clock=clock, mint=mint)
    assert people == json.loads((founded / PEOPLE).read_text())
    assert before == {path: path.read_bytes() for path in founded.rglob("*") if path.is_file()}


def test_its_people_stay_the_same_under_another_port(founded: Path) -> None:
    for port in (8080, 9000):
        settings = Settings(data=founded, port=port)
        directory = Directory(
            Database(f"sqlite:///{founded / 'city.db'}"), issuers={settings.issuer: ISSUERS["embedded"]}
        )
        qian = next(one for one in directory.people(directory.departments()) if one.login == "qian")
        assert directory.person_of(iss=settings.issuer, sub=qian.sub) == qian


def test_no_password_is_anywhere_but_in_the_people_file(founded: Path) -> None:
    secrets = [
        person[name] for person in json.loads((founded / PEOPLE).read_text()) for name in ("password", "totp_secret")
    ]
    for path in founded.rglob("*"):
        if path.is_file() and path.name != PEOPLE:
            content = path.read_bytes()
            assert not [secret for secret in secrets if secret.encode() in content], path


def test_a_city_from_before_the_keyring_starts_with_its_old_key_as_version_1_and_nobody_is_signed_out(
    founded: Path, tmp_path: Path
) -> None:
    """Its database has no key, its folder no kek.key: as version 0.1.0 left them."""
    place = tmp_path / "city"
    with open_founded_city(founded, place) as door:
        door.sign_in("wang")
    (place / "keys/kek.key").unlink()
    old = create(place / "keys/seal.key")
    database = Database(f"sqlite:///{place / 'city.db'}")
    with database.transaction() as connection:
        for table in ("key_use", "key_version", "key"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
        (identifier,) = connection.exec_driver_sql("SELECT id FROM session").fetchone()
        sealed = Seal(old).seal(b"eyJ.old.token", purpose="session id token")
        connection.exec_driver_sql("UPDATE session SET id_token = ?", (sealed,))
    database.close()
    with open_founded_city(place, tmp_path / "again") as door:
        person = door.ids["wang"]
        assert (
            door.city.people.sessions.end(identifier, person_id=person, act=an_act(record=mint()))[0] == "eyJ.old.token"
        )
        assert door.city.keys.seal.ring.active.version == 1
        told = [one for one in door.records() if one.object == "/city/keys"]
        assert len(told) == 1
        assert sorted(name.split()[0] for name in told[0].detail) == ["key", "key", "key_version", "key_version"]
        assert (tmp_path / "again/keys/kek.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("name", "harm", "why"),
    [
        ("kek.key", Path.unlink, "is gone: put it back"),
        ("kek.key", lambda key: key.chmod(0o644), "is open to others"),
        ("assertion.key", lambda key: (key.unlink(), key.mkdir()), "is not a file"),
    ],
)
def test_a_city_whose_key_file_cannot_be_read_says_what_to_do_and_makes_none(
    founded: Path, tmp_path: Path, name: str, harm: Callable[[Path], object], why: str
) -> None:
    """fault: a key file is gone, open to others or unreadable at the start — the process ends with exit 1 and says which and why; no other key is made."""
    place = tmp_path / "city"
    shutil.copytree(founded, place)
    before = {path.name for path in (place / "keys").iterdir()}
    harm(place / "keys" / name)
    environment = {**os.environ, **to_environment(Settings(data=place, port=free_pair()))}
    command = [sys.executable, "-m", "city.processes", "city"]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith(f"citygate: key file `{name}` {why}"), ended.stderr
    assert {path.name for path in (place / "keys").iterdir()} <= before


def test_who_starts_a_city_reads_which_key_file_and_what_to_do(founded: Path, tmp_path: Path) -> None:
    place = tmp_path / "city"
    shutil.copytree(founded, place)
    (place / "keys/pairwise.key").chmod(0o644)
    for asked in (["up", "--port", str(free_pair())], ["people", "list", "civil"]):
        line = [sys.executable, "-m", "commands", *asked, "--data", str(place)]
        environment = {**os.environ, "CITYGATE_PORT": str(free_pair())}
        ended = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60)
        assert (ended.returncode, ended.stdout) == (1, ""), ended
        assert ended.stderr.startswith(
            "citygate: not ready: city: key file `pairwise.key` is open to others: run chmod"
        )
        assert ended.stderr.count("\n") == 1
