"""Whose a component's files and process are, where we are root and it must not be."""

import os
import pwd
import shutil
import stat
from pathlib import Path

from city.supervisor import CannotStart


def account(name: str) -> str:
    """The account a component runs as: `name` where we are root, else "": our own. Raises CannotStart."""
    if os.geteuid() != 0:
        return ""
    try:
        return pwd.getpwnam(name).pw_name
    except KeyError:
        raise CannotStart(f"there is no account `{name}` to run it as; install its Debian package") from None


def own_folder(folder: Path, owner: str) -> None:
    """Make `folder` its alone. Raises CannotStart where it could not come to it."""
    for place in folder.absolute().parents:
        if owner and place.exists() and not place.stat().st_mode & stat.S_IXOTH:
            raise CannotStart(f"`{place}` is closed to the account `{owner}`: choose another folder with --data")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    _give(folder, owner)


def own_file(path: Path, text: str, owner: str) -> None:
    """Write what only it may read."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123 - with its mode from the first byte on
        file.write(text)
    _give(path, owner)


def _give(path: Path, owner: str) -> None:
    if owner:
        shutil.chown(path, owner, owner)
