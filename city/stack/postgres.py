"""PostgreSQL on loopback: its files are made on first use; it asks everybody for a password and loses no commit."""

import signal
import subprocess
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

import psycopg
from psycopg import sql

from city.stack.owner import account, own_file, own_folder
from city.supervisor import BARE, CannotStart, Process

_PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
_ADMINISTRATOR = "postgres"
_INITIALIZE_SECONDS, _ANSWER_SECONDS = 120.0, 10.0
_FAST = signal.SIGINT  # sessions are ended, not waited for
_SETTINGS: Mapping[str, str] = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # one way in, and it asks for a password
    "max_connections": "200",
    "log_min_error_statement": "panic",  # a statement's text may hold a row
    "log_parameter_max_length_on_error": "0",
}


def postgres(folder: Path, *, port: int, password: str, more: Mapping[str, str] = MappingProxyType({})) -> Process:
    """The server on 127.0.0.1:`port`, administrator `postgres`; its data is in `folder`, made if it is not there.

    `more`: settings beside ours, which they overrule.
    Where we are root it runs as the account `postgres`, which must be able to reach `folder`. Raises CannotStart.
    """
    if not _PROGRAMS:
        raise CannotStart("PostgreSQL is not installed (Debian: postgresql)")
    owner, programs = account("postgres"), _PROGRAMS[-1]
    own_folder(folder, owner)
    if not (folder / "data/PG_VERSION").exists():
        _initialize(programs, folder, owner, password)
    settings = [f"--{name}={value}" for name, value in {**_SETTINGS, **more}.items()]
    probe = [programs / "pg_isready", "--quiet", "--host=127.0.0.1", f"--port={port}"]
    return Process(
        name="postgres",
        command=[str(programs / "postgres"), "-D", str(folder / "data"), f"--port={port}", *settings],
        environment=BARE,
        folder=folder,
        ready=partial(_succeeds, [str(part) for part in probe]),
        account=owner,
        stop_signal=_FAST,
    )


def address(port: int, *, password: str, user: str = _ADMINISTRATOR, database: str = "postgres") -> str:
    """Where it is, as libpq reads it."""
    return f"postgresql://{user}:{quote(password, safe='')}@127.0.0.1:{port}/{database}"


def provide(administrator: str, *, user: str, password: str, database: str, template: str = "template1") -> None:
    """See that `user` exists, with this password and no other right, and owns `database`; `administrator`: an address.

    Raises psycopg.Error.
    """
    with psycopg.connect(administrator, autocommit=True, connect_timeout=2) as connection:
        encrypted = connection.pgconn.encrypt_password(password.encode(), user.encode(), b"scram-sha-256").decode()
        known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [user]).fetchone()
        verb = sql.SQL("ALTER" if known else "CREATE")
        role = sql.SQL("{} ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {}")
        connection.execute(role.format(verb, sql.Identifier(user), sql.Literal(encrypted)))
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone():
            return
        made = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}")
        names = (sql.Identifier(name) for name in (database, user, template))
        connection.execute(made.format(*names))


def _initialize(programs: Path, folder: Path, owner: str, password: str) -> None:
    secret = folder / "password"
    own_file(secret, password, owner)
    command = [
        str(programs / "initdb"), f"--pgdata={folder / 'data'}", f"--username={_ADMINISTRATOR}", f"--pwfile={secret}",
        "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums",
    ]  # fmt: skip
    try:
        subprocess.run(
            command, cwd=folder, env=BARE, user=owner or None, group=owner or None,
            extra_groups=[] if owner else None, capture_output=True, check=True, timeout=_INITIALIZE_SECONDS,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise CannotStart(f"initdb did not end within {_INITIALIZE_SECONDS} s") from None
    except subprocess.CalledProcessError as failure:
        raise CannotStart(f"initdb: {failure.stderr.decode(errors='replace').strip()}") from None
    finally:
        secret.unlink()


def _succeeds(command: list[str]) -> bool:
    try:
        return subprocess.run(command, env=BARE, check=False, timeout=_ANSWER_SECONDS).returncode == 0
    except subprocess.TimeoutExpired:
        return False
