"""Found the demo city in a data folder: keys, accounts at the issuer, and the first record of the log.

It is made beside its place and moved there whole, so that an interrupted founding leaves nothing behind.
"""

import asyncio
import json
import secrets
import shutil
import tomllib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pyotp

from audit.durable import alone_in
from audit.event import Event, EventKind
from audit.spool import Spool
from authz import bootstrap
from authz.casbin_model import CasbinFiles
from authz.casbin_model import load as load_policy
from city.people import ISSUERS
from city.settings import Settings, SettingsInvalid
from city.stores import database_url
from crypto import founding as key_founding
from crypto.aead import Seal
from crypto.kept_key import keep_key
from crypto.local_keys import KEY_BYTES, create, load
from crypto.sign import SigningKey, keep_public
from infra import founding as infra_founding
from issuer.accounts import Accounts
from storage.actions import Action
from storage.database import Database

HERE = Path(__file__).parents[1] / "deploy" / "demo"
PEOPLE = "demo-people.json"
PROFILE = "profile"  # a city stays what it was founded as
_RECORD_SECONDS = 60.0  # the first records, on a slow disk
_ROWS_A_RECORD = 16  # as many as a record's detail takes
_KEYS = ("kek", "audit", "assertion", "pairwise", "client")
_KEYS_OF_KEYCLOAK = ("watcher",)  # between it and whoever reads its events

Person = dict[str, Any]
Subjects = Callable[[Settings, list[Person], Callable[[], datetime]], dict[str, str]]  # login → sub at the issuer


def local_accounts(settings: Settings, people: list[Person], clock: Callable[[], datetime]) -> dict[str, str]:
    """Give everybody an account at the local issuer."""
    issuer = settings.data / "issuer"
    accounts = Accounts(issuer_file(issuer), Seal(create(issuer / "seal.key")), clock)
    return {p["login"]: accounts.create(p["login"], p["password"], p["name"], p["totp_secret"]) for p in people}


def found_city(
    settings: Settings,
    *,
    clock: Callable[[], datetime],
    mint: Callable[[], str],
    keep_secrets: bool = True,
    accounts: Subjects = local_accounts,
) -> list[Person]:
    """Make the city in `settings.data` unless it is there; return its people.

    A demo keeps what they sign in with beside them, to tell it again; without `keep_secrets` it is told this once.
    Raises SettingsInvalid for a folder that cannot be made, that is no city, or one of another profile than it was
    founded in.
    """
    if accounts is local_accounts and settings.profile != "embedded":
        raise SettingsInvalid("the local issuer is for the embedded profile; production is founded by `bootstrap`")
    place, make = settings.data, partial(_make, accounts=accounts, clock=clock, mint=mint, keep_secrets=keep_secrets)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with alone_in(place.parent):
            if not place.exists():
                return _put(settings, make, secrets_too=keep_secrets)
    except OSError as failure:
        raise SettingsInvalid(f"`{place}` cannot be made: {failure.strerror}") from failure
    profile = (place / PROFILE).read_text() if (place / PROFILE).exists() else "embedded"
    if profile != settings.profile:
        raise SettingsInvalid(f"`{place}` is a city of the {profile} profile, not {settings.profile}")
    return people_of(place)


def _put(settings: Settings, make: Callable[[Settings], list[Person]], *, secrets_too: bool) -> list[Person]:
    """Make it beside its place; it is there whole, or not at all."""
    place, scratch = settings.data, settings.data.with_name(f"{settings.data.name}.founding")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(mode=0o700)
    (scratch / PROFILE).write_text(settings.profile)
    people = make(replace(settings, data=scratch))
    _keep(scratch / PEOPLE, people, secrets_too=secrets_too)
    scratch.rename(place)
    return people


def people_of(place: Path) -> list[Person]:
    """The people of a city that was founded, with what was kept of them. Raises SettingsInvalid where none was."""
    try:
        kept: list[Person] = json.loads((place / PEOPLE).read_text())
    except FileNotFoundError:
        raise SettingsInvalid(f"`{place}` is no city; a restore that was killed leaves such a folder") from None
    return kept


def _make(
    settings: Settings,
    accounts: Subjects,
    *,
    clock: Callable[[], datetime],
    mint: Callable[[], str],
    keep_secrets: bool,
) -> list[Person]:
    data, record = settings.data, mint()
    for name in _KEYS if settings.profile == "embedded" else (*_KEYS, *_KEYS_OF_KEYCLOAK):
        create(data / "keys" / f"{name}.key")
    for name in ("audit", "assertion"):
        keep_public(data / "keys" / f"{name}.pub", SigningKey(load(data / "keys" / f"{name}.key")).public)
    (data / "run").mkdir()
    city = tomllib.loads((HERE / "city.toml").read_text())
    people = [_person(entry) for entry in city["people"]]
    subs = accounts(settings, people, clock)
    founding = bootstrap.Founding(
        city=city,
        policy=load_policy(
            CasbinFiles(model=(HERE / "model.conf").read_text(), policy=(HERE / "policy.csv").read_text())
        ),
        iss=ISSUERS[settings.profile],
        subs=subs,
        ids={login: f"user:{mint()}" for login in subs},
        at=clock(),
        record=record,
        also=partial(infra_founding.insert, city=city, record=record),
    )
    tell = partial(_tell, settings, founding, clock)
    keys = _write(
        settings, partial(bootstrap.found_city, founding=founding, mint=mint, keep_record=tell), founding, mint
    )
    for name, key in keys.items():
        if keep_secrets or name == bootstrap.CLOCK:  # one account of this machine may not hold all three offices
            keep_key(data / "keys", name, key)
    return people


def _write(
    settings: Settings, write: Callable[..., dict[str, str]], founding: bootstrap.Founding, mint: Callable[[], str]
) -> dict[str, str]:
    """Make the database and have everything written in it, the platform's first keys too; return the access keys."""
    embedded = settings.profile == "embedded"
    database = Database(f"sqlite:///{settings.data / 'city.db'}" if embedded else database_url(settings))
    database.migrate()
    keys = write(database, also=_first_keys(settings.data, founding, mint))
    database.close()
    return keys


def _first_keys(data: Path, founding: bootstrap.Founding, mint: Callable[[], str]) -> Callable[..., None]:
    """What writes the platform's keys, wrapped by the city's key file."""
    return partial(
        key_founding.write_first_keys,
        wrapping=key_founding.wrapping_of(data / "keys"),
        first=secrets.token_bytes(KEY_BYTES),
        ids=(mint(), mint()),
        act=key_founding.founding_act(record=founding.record, at=founding.at),
    )


def _keep(path: Path, people: list[Person], *, secrets_too: bool) -> None:
    kept = people if secrets_too else [{name: one[name] for name in ("login", "name", "role")} for one in people]
    path.touch(mode=0o600)
    path.write_text(json.dumps(kept, ensure_ascii=False, indent=1))


def _tell(
    settings: Settings, founding: bootstrap.Founding, clock: Callable[[], datetime], witness: Mapping[str, str]
) -> None:
    with ThreadPoolExecutor(1) as thread:  # a loop may be running in this one
        telling = asyncio.wait_for(_record(settings, founding, witness, clock), _RECORD_SECONDS)
        thread.submit(asyncio.run, telling).result(2 * _RECORD_SECONDS)


async def _record(
    settings: Settings, founding: bootstrap.Founding, witness: Mapping[str, str], clock: Callable[[], datetime]
) -> None:
    """The first records of the log stand before what they found: the founding itself, and then every row of it."""
    spool = Spool(settings.data / "audit/spools" / settings.name, clock=clock)
    rows = list(witness.items())
    told: list[dict[str, str | int]] = [{"people": len(founding.ids), "iss": founding.iss}]
    told += [dict(rows[at : at + _ROWS_A_RECORD]) for at in range(0, len(rows), _ROWS_A_RECORD)]
    for detail in told:
        event = Event(
            id=founding.record, kind=EventKind.BOOTSTRAP, at=founding.at, subject="bootstrap", department="city",
            object="/city", action=Action.FOUND, label=3, result="ok", status=0, reason="founding", rule="",
            detail=detail,
        )  # fmt: skip
        await spool.append(event, synced=detail is told[-1], reserved=True)
    spool.close()


def issuer_file(folder: Path) -> Path:
    """Where the local issuer keeps its accounts."""
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder / "accounts.db"


def _person(entry: dict[str, Any]) -> Person:
    """A person of the city file with a password and a TOTP secret of this city alone."""
    password = "-".join(secrets.token_hex(2) for _ in range(4))
    who = {"login": entry["login"], "name": entry["name"], "role": entry["role"], "password": password}
    return {**who, "totp_secret": pyotp.random_base32()}
