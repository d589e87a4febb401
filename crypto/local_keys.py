"""The place where this machine's keys live: one file per purpose, 32 random bytes, mode 0600."""

import contextlib
import os
import secrets
import stat
from pathlib import Path

from crypto.errors import KeyFileUnsafe

KEY_BYTES = 32


def create(path: Path) -> bytes:
    """Write a new random key of 32 bytes to `path` and return it. The file has mode 0600, is synced, and is there whole
    or not at all.

    Raises FileExistsError if there is one already, OSError.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = secrets.token_bytes(KEY_BYTES)
    scratch = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, key)
        os.fsync(descriptor)
        os.link(scratch, path)
    finally:
        os.close(descriptor)
        scratch.unlink()
    _sync_folder(path.parent)
    return key


def load(path: Path) -> bytes:
    """Return the 32-byte key in the file `path`.
    Raises KeyFileUnsafe unless the file is whole, ours, and closed to others.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as failure:
        raise KeyFileUnsafe(f"key file `{path.name}` cannot be opened: {failure.strerror}") from failure
    try:
        status = os.fstat(descriptor)
        key = os.read(descriptor, KEY_BYTES + 1) if stat.S_ISREG(status.st_mode) else b""
    finally:
        os.close(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise KeyFileUnsafe(f"key file `{path.name}` is not a file")
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise KeyFileUnsafe(f"key file `{path.name}` is open to others: run chmod 600 on it, and find out who read it")
    if status.st_uid != os.geteuid():
        raise KeyFileUnsafe(f"key file `{path.name}` belongs to another user")
    if len(key) != KEY_BYTES:
        raise KeyFileUnsafe(f"key file `{path.name}` does not hold {KEY_BYTES} bytes")
    return key


def load_or_create(path: Path) -> bytes:
    """Return the key in the file `path`, and make it first if there is none.
    Of several processes that make it at once, all get the same key.
    """
    if not path.exists() and not path.is_symlink():
        with contextlib.suppress(FileExistsError):
            return create(path)
    return load(path)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
