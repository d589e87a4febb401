"""Engine for files: one archive of them, sealed in chunks; without any program beside Python."""

import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from backup.engine import BackupPart, Files, TreeDigest
from backup.errors import EngineFailed, PartDamaged
from backup.sealed_files import SUFFIX, Vault, write_all
from crypto.stream import CHUNK_BYTES


class FilesEngine:
    """Its parts are trees of small files."""

    name = "files"

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def what_is_missing(self) -> str:
        """Return "": an archive needs Python alone."""
        return ""

    def take(self, name: str, source: Path | Files, folder: Path) -> BackupPart:
        """Seal all files into one. Return the part. Raises EngineFailed, RepositoryFull, OSError."""
        if isinstance(source, Path):
            raise EngineFailed(f"`{name}` is not a tree of files")
        path, digest = folder / (name.replace("/", "-") + SUFFIX), TreeDigest()
        with (
            self._vault.new_file(path, purpose=name) as sink,
            tarfile.open(fileobj=cast("IO[bytes]", sink), mode="w|", bufsize=CHUNK_BYTES) as archive,
        ):
            for place, content in source():
                entry = tarfile.TarInfo(place)
                entry.size, entry.mode = len(content), 0o600
                archive.addfile(entry, io.BytesIO(content))
                archive.members.clear()  # type: ignore[attr-defined]  # nobody asks again, and there may be many
                digest.add(place, content)
        return BackupPart(
            name=name, engine=self.name, reference=path.name, bytes=digest.bytes, digest=digest.hex(),
            counts={"files": digest.files},
        )  # fmt: skip

    def restore(self, part: BackupPart, folder: Path, into: Path) -> None:
        """Restore the files below `into`/NAME. Raises PartDamaged, OSError."""
        digest, root = TreeDigest(), (into / part.name).absolute()
        root.mkdir(mode=0o700, parents=True)
        source = _Chunks(self._vault.chunks(folder / part.reference, purpose=part.name))
        try:
            with tarfile.open(fileobj=cast("IO[bytes]", source), mode="r|", bufsize=CHUNK_BYTES) as archive:
                while entry := archive.next():
                    archive.members.clear()  # type: ignore[attr-defined]
                    content = cast("IO[bytes]", archive.extractfile(entry)).read()
                    digest.add(entry.name, content)
                    put(root, entry.name, content)
            source.drain()
        except (tarfile.TarError, AttributeError) as failure:  # AttributeError: an entry that is no file
            raise PartDamaged(f"`{part.reference}` is no archive of ours: {failure}") from failure
        if digest.hex() != part.digest:
            raise PartDamaged(f"`{part.reference}` is not what its manifest says")

    def forget(self, part: BackupPart) -> None:
        """Do nothing: everything is in the backup's own folder."""


def put(root: Path, name: str, content: bytes) -> None:
    """Write a new file below `root` that we alone can read.
    Raises PartDamaged for a name that leads elsewhere, OSError.
    """
    place = Path(os.path.normpath(root / name))
    if not place.is_relative_to(root) or place == root:
        raise PartDamaged(f"`{name}` would lie outside of what is restored")
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb", 0) as file:
        write_all(file, content)


class _Chunks:
    """Chunks as a file that is read forward."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks, self._held = chunks, b""

    def read(self, size: int) -> bytes:
        while len(self._held) < size and (chunk := next(self._chunks, b"")):
            self._held += chunk
        given, self._held = self._held[:size], self._held[size:]
        return given

    def drain(self) -> None:
        """To the end, which alone says that nothing was cut off."""
        for _ in self._chunks:
            pass
