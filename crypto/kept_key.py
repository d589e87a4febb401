"""Access keys that are kept sealed on this machine, for commands and jobs that run as this account."""

from pathlib import Path

from crypto.aead import Seal
from crypto.errors import KeyFileUnsafe
from crypto.local_keys import load, load_or_create

_PURPOSE = "access key"


def keep_key(folder: Path, name: str, key: str) -> None:
    """Seal the access key `key` into `folder`/access/`name` (0600), in the place of one that is there.
    Raises KeyFileUnsafe, OSError.
    """
    seal = Seal(load_or_create(folder / "access.key"))
    path = folder / "access" / name
    path.parent.mkdir(mode=0o700, exist_ok=True)
    scratch = path.with_name(f"{name}.new")
    scratch.unlink(missing_ok=True)
    scratch.touch(mode=0o600, exist_ok=False)
    scratch.write_bytes(seal.seal(key.encode(), purpose=f"{_PURPOSE} {name}"))
    scratch.rename(path)


def kept_key(folder: Path, name: str) -> str:
    """Return the access key that `keep_key` put into `folder` under `name`.
    Raises KeyFileUnsafe where there is none, SealInvalid for what was kept under another name or key.
    """
    try:
        sealed = (folder / "access" / name).read_bytes()
    except (OSError, ValueError) as missing:
        raise KeyFileUnsafe("no access key is kept under this name") from missing
    return Seal(load(folder / "access.key")).open(sealed, purpose=f"{_PURPOSE} {name}").decode()
