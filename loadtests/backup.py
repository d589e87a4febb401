"""`bench backup`: how much longer a backup takes than its bare engine, on the same data, in the same run.

Embedded: a SQLite file of 1 GiB, copied by `sqlite3`'s online backup and synced, with nothing else; and by our engine,
which counts the rows and puts the file away sealed, synced and with its digest. Stack: a PostgreSQL
with 1 GiB, by `pgbackrest backup --type=full` alone; and by our engine, which also counts at a known place and waits
for the WAL up to it. Rounds alternate.

JSON: `profile`, `mb`, `rounds`; `bare_s`, `ours_s`: medians of wall time; `overhead`: ours above bare, as a fraction;
`restore_s`: bringing it back once, against the digest in its manifest; `memory_mb`: how much the peak resident memory
of this process grew over all of it, the bare engine and the restore too; `ok`: what came back counts the same.
"""

import contextlib
import json as json_text
import os
import resource
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

from backup.pgbackrest import STANZA, PgBackRest
from backup.program import Program, owner_of
from backup.sealed_files import Vault
from backup.sqlite import SqliteEngine
from city.clock import clock
from city.stack import pgbackrest, postgres
from city.supervisor import Supervisor, free_ports
from crypto.aead import Seal
from loadtests.meter import need
from storage.database import Database

MEGABYTES, ROUNDS = 1024, 3
_ROW_BYTES = 1 << 16
_PASSWORD = "bench"  # of a server on a socket and loopback, for these minutes


def measure(profile: str) -> dict[str, Any]:
    """The figures. Raises CannotMeasure."""
    return _sqlite() if profile == "embedded" else _postgres()


def _sqlite() -> dict[str, Any]:
    with TemporaryDirectory(prefix="citygate-bench-") as place:
        folder, engine = Path(place), SqliteEngine(Vault(Seal(os.urandom(32))))
        live = folder / "city.db"
        _fill(live)
        before = _peak_mb()

        def bare() -> None:
            copy = folder / "bare.db"
            with contextlib.closing(sqlite3.connect(live)) as one, contextlib.closing(sqlite3.connect(copy)) as other:
                one.backup(other)
            _sync(copy)
            copy.unlink()

        def ours() -> None:
            (folder / "backup").mkdir()
            engine.take("city.db", live, folder / "backup")
            shutil.rmtree(folder / "backup")

        seen = _compared("embedded", bare, ours)
        (folder / "backup").mkdir()
        part, begun = engine.take("city.db", live, folder / "backup"), time.monotonic()
        engine.restore(part, folder / "backup", folder / "into")
        restored = time.monotonic() - begun
        same = engine.examine(part, folder / "into", clock()).counts == part.counts
        return seen | {"restore_s": round(restored, 2), "memory_mb": round(_peak_mb() - before), "ok": same}


def _postgres() -> dict[str, Any]:
    need("pgbackrest")
    with _server() as (configuration, url, scratch):
        database = Database(url)
        engine, before = PgBackRest(configuration, database=database, full_seconds=0), _peak_mb()
        program = Program(
            name="pgbackrest",
            package="pgbackrest",
            seconds=3600,
            environment={"PGPASSFILE": str(configuration.with_name("pgpass"))},
            account=owner_of(configuration),
        )

        def bare() -> None:
            program.run("backup", f"--config={configuration}", f"--stanza={STANZA}", "--type=full")

        def ours() -> None:
            engine.take("postgresql", configuration, Path())

        engine.take("postgresql", configuration, Path())
        seen = _compared("stack", bare, ours)
        part, begun = engine.take("postgresql", configuration, Path()), time.monotonic()
        engine.restore(part, Path(), scratch / "drill-bench")
        restored = time.monotonic() - begun
        same = engine.examine(part, scratch / "drill-bench", clock()).counts == part.counts
        database.close()
        return seen | {"restore_s": round(restored, 2), "memory_mb": round(_peak_mb() - before), "ok": same}


def _compared(profile: str, bare: Callable[[], None], ours: Callable[[], None]) -> dict[str, Any]:
    """Alternating, after one of each that does not count: the file is in the cache for both."""
    times: dict[str, list[float]] = {"bare": [], "ours": []}
    for number in range(ROUNDS + 1):
        for name, act in (("bare", bare), ("ours", ours)):
            begun = time.monotonic()
            act()
            times[name] += [time.monotonic() - begun] * bool(number)
    low, high = median(times["bare"]), median(times["ours"])
    return {
        "profile": profile,
        "mb": MEGABYTES,
        "rounds": ROUNDS,
        "bare_s": round(low, 2),
        "ours_s": round(high, 2),
        "overhead": round(high / low - 1, 3),
    }


def _fill(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE filled (text BLOB)")
        rows = ((os.urandom(_ROW_BYTES),) for _ in range(MEGABYTES * (1 << 20) // _ROW_BYTES))
        connection.executemany("INSERT INTO filled VALUES (?)", rows)
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@contextlib.contextmanager
def _server() -> Iterator[tuple[Path, str, Path]]:
    """A server with data and its pgBackRest: configuration, database, where to restore."""
    place = Path(mkdtemp(prefix="citygate-bench-"))
    place.chmod(0o755)  # the server's own account must reach it
    supervisor, (port,) = Supervisor(logs=place), free_ports(1)
    try:
        configuration = pgbackrest.configure(
            place / "pgbackrest", data=place / "postgres/data", port=port, password=_PASSWORD, passphrase="bench"
        )
        more = pgbackrest.archiving(configuration)
        server = postgres.postgres(place / "postgres", port=port, password=_PASSWORD, more=more)
        supervisor.start([server], within_seconds=60)
        address = postgres.address(port, password=_PASSWORD)
        postgres.provide(address, user="citygate", password=_PASSWORD, database="city")
        url = postgres.address(port, password=_PASSWORD, user="citygate", database="city")
        database = Database(url.replace("postgresql://", "postgresql+psycopg://"))
        with database.transaction() as connection:
            connection.exec_driver_sql("CREATE TABLE filled (text bytea)")
        for _ in range(MEGABYTES // 16):
            with database.transaction() as connection:
                rows = [(os.urandom(_ROW_BYTES),) for _ in range((16 << 20) // _ROW_BYTES)]
                connection.exec_driver_sql("INSERT INTO filled VALUES (%s)", rows)
        database.close()
        if configuration:
            yield configuration, url.replace("postgresql://", "postgresql+psycopg://"), place / "scratch"
    finally:
        supervisor.stop()
        shutil.rmtree(place, ignore_errors=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(json: bool, profile: str = "embedded") -> int:
    """Print the figures; 1 if what came back is not what was kept."""
    seen = measure(profile)
    if json:
        print(json_text.dumps(seen))
    else:
        print(f"{seen['mb']} MB: bare {seen['bare_s']} s, ours {seen['ours_s']} s (+{seen['overhead']:.0%}), ", end="")
        print(f"restored in {seen['restore_s']} s, {seen['memory_mb']} MB of memory")
    return 0 if seen["ok"] else 1
