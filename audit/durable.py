"""Files that a crash leaves either as they were or as they were meant to be, and that one process has to itself."""

import contextlib
import fcntl
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

_OPEN_FILES = 64  # at once


def replace(path: Path, data: bytes) -> None:
    """Put `data` at `path`: temporary file, fsync, rename, fsync of the folder. Raises OSError."""
    replace_all({path: data})


def replace_all(files: Mapping[Path, bytes]) -> None:
    """Put each file in its place, in any order; a folder is synced once for all that is new in it. Raises OSError."""
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
    """Put `data` at `path` for the next process; after a power failure it may be older or damaged. Raises OSError."""
    fresh = path.with_name(path.name + ".tmp")
    fresh.write_bytes(data)
    fresh.replace(path)


def write(descriptor: int, data: bytes) -> None:
    """Write all of `data`. Raises OSError, perhaps after a part."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def make_folder(path: Path) -> None:
    """Make `path` and what is missing above it, each name durable."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)
        sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make the names in `path` durable."""
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
    """Return a descriptor that holds the lock `path` until it is closed. Raises BlockingIOError, OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Wait until nobody else makes something in `folder`: two at once would clear away each other's work."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
