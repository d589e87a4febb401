"""Repository: one folder for each whole backup; what is being made is hidden until it is whole and on the disk.

ID/manifest · ID/PART.sealed · .ID.partial/ (being made, or left by a crash) · lock; and outside
ID.checkpoint · .ID.checkpoint (of what is being made: it does not count yet)
"""

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from audit import durable
from backup import manifest as manifests
from backup.errors import BackupBusy, BackupUnknown, ManifestInvalid
from backup.manifest import Manifest
from backup.sealed_files import raise_when_full
from crypto.sign import VerifyingKey

MANIFEST = "manifest"
_ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}", re.ASCII)  # a ULID: names sort by time
_PARTIAL, _CHECKPOINT = ".partial", ".checkpoint"


class Repository:
    """The backups in `folder`, and the checkpoints kept in `outside`, which should be another machine's disk."""

    def __init__(self, folder: Path, *, outside: Path) -> None:
        self.folder, self.outside = folder, outside

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Enter as the only backup or drill, whichever process it is; what a killed one left is removed first.
        Raises BackupBusy.
        """
        with raise_when_full(self.folder):
            durable.make_folder(self.folder)
            durable.make_folder(self.outside)
            try:
                lock = durable.lock(self.folder / "lock")
            except BlockingIOError:
                raise BackupBusy("another backup or drill is under way") from None
        try:
            self._clear()
            yield
        finally:
            os.close(lock)

    @contextlib.contextmanager
    def new_backup(self, backup: str) -> Iterator[Path]:
        """Yield a hidden folder. It becomes backup `backup` when the block ends, and is removed if the block raises.

        Raises RepositoryFull, OSError.
        """
        partial = self.folder / f".{backup}{_PARTIAL}"
        try:
            with raise_when_full(self.folder):
                partial.mkdir(mode=0o700)
                yield partial
                durable.sync_folder(partial)
                partial.rename(self.folder / backup)
        except BaseException:
            self._pending(backup).unlink(missing_ok=True)
            if partial.exists():
                shutil.rmtree(partial)
            raise
        durable.sync_folder(self.folder)
        self._count(backup)

    def ids(self) -> list[str]:
        """Return the ids of the backups that are whole, oldest first."""
        if not self.folder.is_dir():
            return []
        return sorted(path.name for path in self.folder.iterdir() if _ID.fullmatch(path.name) and path.is_dir())

    def is_unused(self) -> bool:
        """Return whether nothing was ever backed up here.
        Raises OSError for a folder that is a link to nothing, or cannot be read.
        """
        folders = [folder for folder in (self.folder, self.outside) if os.path.lexists(folder)]
        return not any(_ID.match(path.name) for folder in folders for path in folder.iterdir())

    def place(self, backup: str) -> Path:
        """Return the folder of one backup. Raises BackupUnknown."""
        if not _ID.fullmatch(backup) or not (self.folder / backup).is_dir():
            raise BackupUnknown(f"there is no backup `{backup}` in `{self.folder}`")
        return self.folder / backup

    def manifest(self, backup: str, key: VerifyingKey) -> Manifest:
        """Return the manifest of one backup, once its signature was checked. Raises BackupUnknown, ManifestInvalid."""
        try:
            text = (self.place(backup) / MANIFEST).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as failure:
            raise ManifestInvalid(f"the manifest of {backup} cannot be read: {type(failure).__name__}") from failure
        return manifests.read(text, key, backup=backup)

    def keep_outside(self, backup: str, checkpoint: str) -> None:
        """Put the checkpoint into `outside`, out of reach of whoever changes the repository. It counts once the backup
        is whole.

        Raises RepositoryFull, OSError.
        """
        with raise_when_full(self.outside):
            durable.replace(self._pending(backup), checkpoint.encode())

    def checkpoint_outside(self, backup: str) -> str | None:
        """Return the checkpoint of `backup` that was kept outside, or None."""
        for kept in (self.outside / f"{backup}{_CHECKPOINT}", self._pending(backup)):  # killed before it was to count
            with contextlib.suppress(FileNotFoundError, UnicodeDecodeError):
                return kept.read_text(encoding="utf-8")
        return None

    def newest(self) -> str:
        """Return the id of the newest backup there ever was. Raises BackupUnknown if there was none.

        A checkpoint outside outlives its backup, so the newest one is not forgotten when somebody takes it away.
        """
        outside = [path.stem for path in self.outside.glob(f"*{_CHECKPOINT}") if _ID.fullmatch(path.stem)]
        known = max([*self.ids(), *outside], default="")
        if not known:
            raise BackupUnknown("there is no backup yet: `./citygate backup run`")
        return known

    def remove(self, backup: str) -> None:
        """Remove a backup, and first its checkpoint outside: the other way round, a kill would leave what looks hidden.
        Raises BackupUnknown, OSError.
        """
        place, gone = self.place(backup), self.folder / f".{backup}{_PARTIAL}"
        (self.outside / f"{backup}{_CHECKPOINT}").unlink(missing_ok=True)
        durable.sync_folder(self.outside)
        place.rename(gone)  # whole or not at all, also if we are killed now
        shutil.rmtree(gone)

    def _clear(self) -> None:
        """What a killed backup left; whether it became whole is never asked of what the repository shows."""
        for pending in self.outside.glob(f".*{_CHECKPOINT}"):
            backup = pending.name.removeprefix(".").removesuffix(_CHECKPOINT)
            if (self.folder / f".{backup}{_PARTIAL}").exists():
                pending.unlink()
            else:
                self._count(backup)
        for partial in self.folder.glob(f".*{_PARTIAL}"):
            backup = partial.name.removeprefix(".").removesuffix(_PARTIAL)
            if not (self.outside / f"{backup}{_CHECKPOINT}").exists():  # else it was whole, and somebody hid it
                shutil.rmtree(partial)

    def _pending(self, backup: str) -> Path:
        """The checkpoint of what is being made."""
        return self.outside / f".{backup}{_CHECKPOINT}"

    def _count(self, backup: str) -> None:
        """From now on its checkpoint counts, and a repository without the backup lacks it."""
        self._pending(backup).rename(self.outside / f"{backup}{_CHECKPOINT}")
        durable.sync_folder(self.outside)
