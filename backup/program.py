"""Program: run an engine's program by its argument list, in bounded time; a failure is told without secrets."""

import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from audit.redact import redact
from backup.errors import EngineFailed, EngineMissing, RepositoryFull

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ENVIRONMENT = {"PATH": _PATH, "LANG": "C.UTF-8"}
_WRONG = re.compile(r"error|fatal|fail|wrong|denied|no space|unable|cannot", re.IGNORECASE)
_SAID_CHARS = 400
_NO_ROOM = re.compile(r"no space left|disk quota exceeded", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"(?<=://)[^/\s:@]*:[^@\s]+@")


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One program. `package` is Debian's name for it; `account` is whose it runs as, where we are root."""

    name: str
    package: str
    seconds: float  # it is killed after so long
    environment: Mapping[str, str] = field(default_factory=dict)  # names of files, never a secret
    account: str = ""

    def what_is_missing(self) -> str:
        """Return what to do where it is not installed, or ""."""
        here = shutil.which(self.name, path=_PATH)
        return "" if here else f"{self.name} is missing: apt-get install {self.package}"

    def run(self, *arguments: str, folder: Path | None = None) -> str:
        """Run the program with these arguments in `folder`, and return what it printed. Raises EngineMissing,
        EngineFailed, RepositoryFull.
        """
        if missing := self.what_is_missing():
            raise EngineMissing(missing)
        owner = self.account if os.geteuid() == 0 else ""
        try:
            ended = subprocess.run(
                [self.name, *arguments], cwd=folder or Path("/"), env={**_ENVIRONMENT, **self.environment},
                stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=self.seconds,
                user=owner or None, group=owner or None, extra_groups=[] if owner else None, start_new_session=True,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise EngineFailed(f"{self.name} {arguments[0]} did not end within {self.seconds:.0f} s") from None
        if ended.returncode:
            raise self._failure(ended.stderr + b"\n" + ended.stdout, arguments)
        return ended.stdout.decode(errors="replace")

    def _failure(self, output: bytes, arguments: Sequence[str]) -> EngineFailed | RepositoryFull:
        said = error_line(output.decode(errors="replace"))
        verb = next((one for one in reversed(arguments) if one.isalpha()), "")
        if _NO_ROOM.search(said):
            return RepositoryFull(f"{self.name} {verb}: no room left: free some, or keep fewer backups")
        return EngineFailed(f"{self.name} {verb}: {said}")


def error_line(output: str) -> str:
    """Return the lines of `output` that say what is wrong, in one line without secrets."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    wrong = [line for line in lines if _WRONG.search(line)]
    text = " · ".join((wrong or lines)[:6])
    return redact(_URL_PASSWORD.sub("", "".join(c if c.isprintable() else " " for c in text)))[:_SAID_CHARS]


def owner_of(path: Path) -> str:
    """Return the account that the file `path` belongs to. Raises EngineMissing."""
    try:
        return pwd.getpwuid(path.stat().st_uid).pw_name
    except (OSError, KeyError) as failure:
        raise EngineMissing(f"`{path}` cannot be read: {failure}") from failure
