"""Redis on loopback, behind a password: it holds only what may be forgotten, so nothing is written to disk."""

import shutil
import socket
from functools import partial
from pathlib import Path

from city.stack.owner import account, own_file, own_folder
from city.supervisor import BARE, CannotStart, Process

_CONFIGURATION = """\
bind 127.0.0.1
port {port}
unixsocket ""
protected-mode yes
requirepass {password}
save ""
appendonly no
dir {folder}
maxmemory {megabytes}mb
# full is an error: what is thrown out instead might be the memory that a code was used
maxmemory-policy noeviction
tcp-keepalive 60
"""


def redis(folder: Path, *, port: int, password: str, megabytes: int = 256) -> Process:
    """The server on 127.0.0.1:`port`; `folder` holds its configuration, which only it can read.

    Where we are root it runs as the account `redis`, which must be able to reach `folder`. Raises CannotStart.
    """
    program = shutil.which("redis-server")
    if program is None:
        raise CannotStart("Redis is not installed (Debian: redis-server)")
    if not password.isalnum():
        raise CannotStart("Redis's password must be letters and digits")
    owner = account("redis")
    own_folder(folder, owner)
    text = _CONFIGURATION.format(port=port, password=password, folder=folder, megabytes=megabytes)
    own_file(folder / "redis.conf", text, owner)
    return Process(
        name="redis",
        command=[program, str(folder / "redis.conf")],
        environment=BARE,
        folder=folder,
        ready=partial(_answers, port),
        account=owner,
    )


def address(port: int, *, database: int = 0) -> str:
    """Where it is; the password is never part of it."""
    return f"redis://127.0.0.1:{port}/{database}"


def _answers(port: int) -> bool:
    """Whether somebody there speaks the protocol; without the password that is a refusal."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith((b"-NOAUTH", b"+PONG"))
    except OSError:
        return False
