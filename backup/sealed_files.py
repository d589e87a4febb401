"""Sealed files: one part in one file, written whole or not at all, opened against the digest its manifest states."""

import contextlib
import errno
import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from backup.errors import PartDamaged, RepositoryFull
from crypto.aead import Seal
from crypto.errors import SealInvalid
from crypto.stream import SealingWriter, open_chunks

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
SUFFIX = ".sealed"


class Vault:
    """Seals and opens parts by the backup key, which lies in a file of its own outside of what is backed up."""

    def __init__(self, seal: Seal) -> None:
        self._seal = seal

    @contextlib.contextmanager
    def new_file(self, path: Path, *, purpose: str) -> Iterator[SealingWriter]:
        """Yield a writer of the new file `path`, which is sealed and on the disk when the block has ended. Raises
        RepositoryFull, OSError.
        """
        with raise_when_full(path.parent), path.open("xb", buffering=0) as file:
            sink = SealingWriter(_Whole(file), self._seal, purpose=purpose)
            yield sink
            sink.close()
            os.fsync(file.fileno())

    def chunks(self, path: Path, *, purpose: str) -> Iterator[bytes]:
        """Yield the plaintext of the file `path`. It is the whole only if the iteration ends. Raises PartDamaged."""
        try:
            with path.open("rb", buffering=0) as file:
                yield from open_chunks(file, self._seal, purpose=purpose)
        except FileNotFoundError:
            raise PartDamaged(f"`{path.name}` is missing from the backup") from None
        except SealInvalid:
            raise PartDamaged(
                f"`{path.name}` does not open: another backup key, or it was changed or cut off"
            ) from None
        except OSError as failure:
            raise PartDamaged(f"`{path.name}` cannot be read: {failure.strerror}") from failure

    def copy(self, path: Path, into: Path, *, purpose: str, digest: str) -> None:
        """Open the sealed file `path` into the new file `into`, and compare it with `digest`.
        Raises PartDamaged, OSError.
        """
        seen = sha256()
        into.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(into, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            for chunk in self.chunks(path, purpose=purpose):
                seen.update(chunk)
                write_all(file, chunk)
        if seen.hexdigest() != digest:
            raise PartDamaged(f"`{path.name}` is not what its manifest says")


@contextlib.contextmanager
def raise_when_full(folder: Path) -> Iterator[None]:
    """Raise RepositoryFull instead of the OSError of a block that found no room in `folder`."""
    try:
        yield
    except OSError as failure:
        if failure.errno in _NO_ROOM:
            raise RepositoryFull(f"no room in `{folder}`: free some, or keep fewer backups") from failure
        raise


def write_all(file: BinaryIO, data: bytes | memoryview) -> None:
    """Write all of `data` to an unbuffered file, which may take a part at a time. Raises OSError."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


class _Whole:
    """An unbuffered file whose every write takes all."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, data: bytes | memoryview) -> int:
        write_all(self._file, data)
        return len(data)
