"""Files that a crash leaves either as they were or as they were meant to be, and that one process has to itself."""

import contextlib
import fcntl
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

_OPEN_FILES = 64  # at once


def replace(path: Path, data: bytes) -> None:
    """Put `data` at `path`, whole or not at all: temporary file, fsync, rename, fsync of the folder. Raises OSError."""
    replace_all({path: data})


def replace_all(files: Mapping[Path, bytes]) -> None:
    """Put each of `files` in its place, in any order; each one is there whole or not at all. A folder is synced once
    for all its new names. Raises OSError.
    """
    folders = {path.parent for path in files}
    for folder in folders:
        make_folder(folder)
    names = list(files)
    for at in range(0, len(names), _OPEN_FILES):
        _replace_some({path: files[path] for path in names[at : at + _OPEN_FILES]})
    for folder in folders:
        sync_folder(folder)


def _replace_some(files: Mapping[Path, bytes]) -> None:
    """Write everything before the first fsync: the file system then commits it together."""
    with contextlib.ExitStack() as stack:
        fresh = {path: path.with_name(path.name + ".tmp") for path in files}
        opened = []
        for path, data in files.items():
            descriptor = os.open(fresh[path], os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            stack.callback(os.close, descriptor)
            opened.append(descriptor)
            write(descriptor, data)
        for descriptor in opened:
            os.fsync(descriptor)
    for path, written in fresh.items():
        written.replace(path)


def note(path: Path, data: bytes) -> None:
    """Put `data` at `path` without a sync. After a power failure the file may be older or damaged, so only a hint may
    be kept so. Raises OSError.
    """
    fresh = path.with_name(path.name + ".tmp")
    fresh.write_bytes(data)
    fresh.replace(path)


def write(descriptor: int, data: bytes) -> None:
    """Write all of `data` to the file `descriptor`. Raises OSError, perhaps after a part was written."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def make_folder(path: Path) -> None:
    """Make the folder `path` and those missing above it, readable by us alone, each name durable. Raises OSError."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)
        sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make the names in the folder `path` durable. Raises OSError."""
    _sync(path, os.O_DIRECTORY)


def sync_tree(folder: Path) -> None:
    """Make every file and every name below `folder` durable. Raises OSError."""
    for place, _, names in os.walk(folder):
        for name in names:
            _sync(Path(place) / name)
        sync_folder(Path(place))


def _sync(path: Path, kind: int = 0) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | kind)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def lock(path: Path) -> int:
    """Lock the file `path`. Return a descriptor, which holds the lock until it is closed. Raises BlockingIOError if
    somebody else holds it, and OSError.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Wait until nobody else is in such a block for `folder`. Two that make something there at once would clear away
    each other's work. Raises OSError.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
