"""Wiring of backups: which engines a profile has, where things lie, which keys open them."""

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path

from audit import durable
from audit.event import Event, EventKind
from audit.log import Log
from audit.spool import Spool
from backup.book import Book, Entry
from backup.drill import Driller, clear
from backup.files import FilesEngine
from backup.manifest import Platform, key_ids
from backup.pgbackrest import PgBackRest
from backup.plan import plan_for
from backup.repository import Repository
from backup.restic import Restic
from backup.restore import KeptKeys
from backup.run import Engines, Runner, Sources
from backup.sealed_files import Vault
from backup.sqlite import SqliteEngine
from backup.work import BACKUP, DRILL, Work
from city.identifiers import mint
from city.settings import SECRETS, Settings, to_environment
from crypto.aead import Seal
from crypto.errors import KeyFileUnsafe
from crypto.founding import wrapping_of
from crypto.keyring import Keyring
from crypto.local_keys import load, load_or_create
from crypto.platform import PlatformSeal, ring_of
from crypto.sign import SigningKey
from crypto.uses import Uses
from storage.actions import Action
from storage.database import Database
from storage.epoch import MemoryEpochs

WRAP, SIGN = "wrap.key", "sign.key"  # in the backup keys folder
KEYS = ("keys/*.key", "keys/*.pub", "issuer/*.key")  # of the data folder
_CONFIGURATION = ("profile", "demo-people.json")
_MACHINE = ("name", "data", "port", "operations_port", "issuer_port", "routes")  # another machine's are others

_LOST = (
    "put it back from where it is kept: no backup that was made opens without it; "
    "to give those up and begin with new keys, set other, empty folders for backups"
)
Key = Callable[[Path], bytes]


def repository(settings: Settings) -> Repository:
    """Where backups are, and their checkpoints."""
    return Repository(settings.backup("repository"), outside=settings.backup("outside"))


def first_or_kept(settings: Settings) -> Key:
    """How a backup key is read: made only where nothing was ever backed up, for a new one opens nothing that was.

    Raises OSError where that cannot be seen; what it returns raises KeyFileUnsafe, which says what to do.
    """
    return load_or_create if repository(settings).is_unused() else kept_key


def kept_key(path: Path) -> bytes:
    """The backup key in `path`. Raises KeyFileUnsafe, which says what to do."""
    if not path.exists():
        raise KeyFileUnsafe(f"backup key `{path}` is gone: {_LOST}")
    return load(path)


def signing_key(settings: Settings, key: Key) -> SigningKey:
    """What manifests are signed with. Raises KeyFileUnsafe."""
    return SigningKey(key(settings.backup("keys") / SIGN))


def engines(settings: Settings, key: Key, *, database: Database | None = None) -> Engines:
    """Who stores what; `database` is counted by a backup, and needed for nothing else. Raises KeyFileUnsafe."""
    vault = Vault(Seal(key(settings.backup("keys") / WRAP)))
    beside, files = SqliteEngine(vault), FilesEngine(vault)
    return Engines(
        database=PgBackRest(settings.backup_pgbackrest, database=database)
        if settings.profile == "production"
        else beside,
        files=_restic(settings, key, first=database is not None) if settings.backup_restic else files,
        beside=beside,
    )


def _restic(settings: Settings, key: Key, *, first: bool) -> Restic:
    """Restic with its password: the hexadecimal form of 32 random bytes; a `first` backup may begin its repository."""
    password = settings.backup("keys") / "restic.password"
    if not password.exists():
        begins = first and not (settings.backup("restic") / "config").exists()
        if key is not load_or_create and not begins:
            raise KeyFileUnsafe(f"`{password}` is gone: {_LOST}")
        durable.replace(password, secrets.token_hex(32).encode())
    return Restic(settings.backup("restic"), password=password, scratch=settings.backup("scratch"))


def backups(
    settings: Settings,
    database: Database,
    log: Log,
    platform: Platform,
    spool: Spool,
    *,
    grade: Callable[[], int],
    clock: Callable[[], datetime],
    mint: Callable[[], str],
) -> Work:
    """What the desk, the commands and the clock begin; nothing is made or opened before that."""

    def is_whole(backup: str) -> bool:
        with contextlib.suppress(OSError):  # its disk is away: not known to be whole is not whole
            return backup in repository(settings).ids()
        return False

    return Work(
        Book(
            database,
            holder=settings.name,
            record_outcome=partial(_record_outcome, spool, clock),
            is_whole=is_whole,
            clock=clock,
            mint=mint,
        ),
        runner=lambda: runner(settings, database, log, platform, clock=clock),
        driller=lambda: driller(settings, log, platform, clock=clock),
        clear=partial(_clear, settings),
        plan=lambda: plan_for(grade()),
        clock=clock,
    )


def _clear(settings: Settings) -> None:
    abandon = PgBackRest(settings.backup_pgbackrest, database=None).abandon  # not set up: no server to stop
    clear(settings.backup("scratch"), repository(settings), abandon)


def runner(
    settings: Settings, database: Database, log: Log, platform: Platform, *, clock: Callable[[], datetime]
) -> Runner:
    """Who makes backups of this city. Raises KeyFileUnsafe."""
    sources = Sources(
        databases=partial(_databases, settings),
        configuration=partial(_configuration, settings),
        log=log,
        keys=partial(key_ids, settings.data, KEYS),
    )
    key = first_or_kept(settings)
    return Runner(
        sources=sources,
        engines=engines(settings, key, database=database),
        repository=repository(settings),
        platform=platform,
        signing=signing_key(settings, key),
        clock=clock,
    )


def driller(settings: Settings, log: Log, platform: Platform, *, clock: Callable[[], datetime]) -> Driller:
    """Who proves that they come back. Raises KeyFileUnsafe.

    A restored SQLite file is a database to ask: its own key rows, under this city's key file, open the canary. A
    restored PostgreSQL runs no longer by then, so `platform` does.
    """
    keys, key = settings.data / "keys", first_or_kept(settings)
    return Driller(
        engines=engines(settings, key),
        repository=repository(settings),
        scratch=settings.backup("scratch"),
        log=log,
        platform=(lambda _: platform)
        if settings.profile == "production"
        else (lambda into: platform_of(into, keys, clock=clock)),
        signer=signing_key(settings, key).public,
        keys=partial(key_ids, settings.data, KEYS),
        clock=clock,
    )


def kept_keys(folder: Path, *, clock: Callable[[], datetime]) -> KeptKeys:
    """Return the copy of a city's keys that an operator kept, as they lay in its data folder."""
    return KeptKeys(
        folder=folder, ids=key_ids(folder, KEYS), platform=lambda data: platform_of(data, folder / "keys", clock=clock)
    )


def platform_of(data: Path, keys: Path, *, clock: Callable[[], datetime]) -> Platform:
    """What seals the platform's secrets in this data folder, without a city: the key file opens its key's versions.

    Raises KeyFileUnsafe, StorageUnavailable.
    """
    database = Database(f"sqlite:///{data / 'city.db'}")
    try:
        keyring = Keyring(
            database,
            wrapping_of(keys),
            epochs=MemoryEpochs(monotonic=time.monotonic),
            chain=lambda department: [department],
            clock=clock,
            mint=mint,
        )
        ring = ring_of(keyring)
    finally:
        database.close()
    return PlatformSeal(lambda: ring, uses=Uses(database, clock=clock), monotonic=time.monotonic)


def _record_outcome(spool: Spool, clock: Callable[[], datetime], entry: Entry, witness: Mapping[str, str]) -> None:
    """One more outcome of the request that began it; that one's own says only that it was begun."""
    figures = {"rpo_ms": entry.rpo_ms, "rto_ms": entry.rto_ms}
    detail: dict[str, str | int] = {
        entry.kind: entry.id, "restored": entry.backup if entry.kind == DRILL else "", "state": entry.state,
        "failing": entry.failing, "why": entry.why, "records": entry.records, "rows": entry.rows, "stored": entry.bytes,
        **{name: value for name, value in figures.items() if value is not None}, **witness,
    }  # fmt: skip
    event = Event(
        id=entry.record, kind=EventKind.OUTCOME, at=clock(), subject=entry.asked_by, department="city",
        object=f"/console/{entry.kind}s/{entry.id}",
        action=Action.BACKUP_RUN if entry.kind == BACKUP else Action.BACKUP_DRILL,
        label=3, result="failed" if entry.state == "failed" else "ok", reason=entry.failing,
        detail={name: value for name, value in detail.items() if value != ""},
    )  # fmt: skip
    asyncio.run(spool.append(event, synced=True, reserved=True))


def _databases(settings: Settings) -> dict[str, Path]:
    """Every SQLite file there is now by its place in the data folder, the city's own first; or else the server."""
    if settings.profile == "production":
        return {"postgresql": settings.backup_pgbackrest or settings.data}
    places = ("city.db", "issuer/accounts.db", "issuer/issuer.db")
    return {place: settings.data / place for place in places if (settings.data / place).exists()}


def _configuration(settings: Settings) -> Iterator[tuple[str, bytes]]:
    """What the city is told and cannot make again; no secret but what a demo keeps of its people."""
    for name in _CONFIGURATION:
        if (settings.data / name).exists():
            yield name, (settings.data / name).read_bytes()
    told = {name: value for name, value in to_environment(settings).items() if not _is_apart(name)}
    yield "settings.json", json.dumps(told, indent=1, sort_keys=True).encode()
    if settings.routes and settings.routes.exists():
        yield "routes.toml", settings.routes.read_bytes()


def _is_apart(variable: str) -> bool:
    return variable.removeprefix("CITYGATE_").lower() in {*SECRETS, *_MACHINE}
