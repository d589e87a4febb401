"""pgBackRest beside the stack's PostgreSQL, where it is installed: its configuration, and the server's archiving."""

import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from backup.pgbackrest import STANZA
from city.stack.owner import account, own_file, own_folder

_SOCKET = "socket"


def configure(folder: Path, *, data: Path, port: int, password: str, passphrase: str) -> Path | None:
    """Write the configuration of the server in `data`; None where pgBackRest is not installed. Raises CannotStart."""
    if not shutil.which("pgbackrest"):
        return None
    owner, path = account("postgres"), folder / "pgbackrest.conf"
    own_folder(folder, owner)
    for place in (folder / name for name in ("repository", "log", "lock", "spool", _SOCKET)):
        place.mkdir(mode=0o700, exist_ok=True)
        if owner:
            shutil.chown(place, owner, owner)
    told = {
        "repo1-path": folder / "repository", "repo1-cipher-type": "aes-256-cbc", "repo1-cipher-pass": passphrase,
        "repo1-retention-full": 2, "log-path": folder / "log", "lock-path": folder / "lock",
        "spool-path": folder / "spool", "start-fast": "y", "compress-type": "zst", "archive-timeout": 60,
    }  # fmt: skip
    here = {"pg1-path": data, "pg1-port": port, "pg1-socket-path": folder / _SOCKET, "pg1-user": "postgres"}
    sections = {"global": told, STANZA: here}
    own_file(path, "\n".join(f"[{name}]\n{_lines(values)}" for name, values in sections.items()), owner)
    own_file(folder / "pgpass", f"*:{port}:*:postgres:{password}\n", owner)
    return path


def archiving(configuration: Path | None) -> Mapping[str, str]:
    """What the server is told, so that its latest point can be restored; nothing where there is no configuration."""
    if configuration is None:
        return {}
    return {
        "unix_socket_directories": str(configuration.with_name(_SOCKET)),
        "wal_level": "replica",
        "archive_mode": "on",
        "archive_command": f"pgbackrest --config={shlex.quote(str(configuration))} --stanza={STANZA} archive-push %p",
        "archive_timeout": "60",  # what a quiet city could lose
    }


def _lines(values: Mapping[str, object]) -> str:
    return "".join(f"{name}={value}\n" for name, value in values.items())
