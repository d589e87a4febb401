"""Engine for files by restic: encrypted, deduplicated; what it restores is held against our own digest as well."""

import json
import os
import tempfile
from pathlib import Path

from backup.engine import BackupPart, Files, TreeDigest
from backup.errors import EngineFailed, PartDamaged
from backup.files import put
from backup.program import Program
from backup.sealed_files import raise_when_full

_SECONDS = 3600.0


class Restic:
    """Its parts are snapshots of a folder, which is put together below `scratch` for us alone and removed again."""

    name = "restic"

    def __init__(self, repository: Path, *, password: Path, scratch: Path) -> None:
        """`password`: the file it stands in; it is never an argument and in no environment."""
        self._repository, self._password, self._scratch = repository, password, scratch
        cache = str(scratch / "restic-cache")
        self._program = Program(
            name="restic", package="restic", seconds=_SECONDS, environment={"RESTIC_CACHE_DIR": cache, "HOME": cache}
        )

    def what_is_missing(self) -> str:
        """Return which program or password file is missing, or ""."""
        if not self._password.is_file():
            return f"`{self._password}` is missing: the password of the restic repository"
        return self._program.what_is_missing()

    def take(self, name: str, source: Path | Files, folder: Path) -> BackupPart:
        """Put the files together, back them up, and check that restic finds its repository sound. Return the part.

        Raises EngineMissing, EngineFailed, RepositoryFull, OSError.
        """
        if isinstance(source, Path):
            raise EngineFailed(f"`{name}` is not a tree of files")
        if not (self._repository / "config").exists():
            self._run("init")
        self._run("unlock")  # of processes that are gone
        self._scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (
            raise_when_full(self._scratch),
            tempfile.TemporaryDirectory(prefix="drill-stage-", dir=self._scratch) as place,
        ):
            stage, digest = Path(place) / name, TreeDigest()
            stage.mkdir(parents=True)
            for path, content in source():
                put(stage, path, content)
                digest.add(path, content)
            said = self._run(
                "backup", "--json", "--host=citygate", f"--tag={folder.name.strip('.')}", ".", folder=stage
            )
            snapshot = _snapshot(said)
        self._run("check")
        return BackupPart(
            name=name, engine=self.name, reference=snapshot, bytes=digest.bytes, digest=digest.hex(),
            counts={"files": digest.files},
        )  # fmt: skip

    def restore(self, part: BackupPart, folder: Path, into: Path) -> None:
        """Restore the snapshot below `into`/NAME. Raises EngineMissing, EngineFailed, PartDamaged, OSError."""
        place = into / part.name
        self._run("restore", part.reference, f"--target={place}", "--no-cache")  # ours proves nothing of the repository
        if _digest(place) != part.digest:
            raise PartDamaged(f"`{part.name}` is not what its manifest says")

    def forget(self, part: BackupPart) -> None:
        """Remove the snapshot, and what no other snapshot needs. Raises EngineFailed."""
        self._run("forget", part.reference, "--prune")

    def _run(self, *arguments: str, folder: Path | None = None) -> str:
        where = (f"--repo={self._repository}", f"--password-file={self._password}")
        return self._program.run(*where, *arguments, folder=folder)


def _snapshot(said: str) -> str:
    """The id in the last line of restic's JSON. Raises EngineFailed."""
    try:
        return str(json.loads(said.strip().splitlines()[-1])["snapshot_id"])
    except (ValueError, IndexError, KeyError, TypeError):
        raise EngineFailed("restic backup did not say which snapshot it made") from None


def _digest(root: Path) -> str:
    digest = TreeDigest()
    for place, _, names in os.walk(root):
        for path in (Path(place) / name for name in names):
            digest.add(str(path.relative_to(root)), path.read_bytes())
    return digest.hex()
