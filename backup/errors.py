"""What can go wrong with backups; a message says what to do, and holds no secret.

BackupError
├── PlanInvalid        a plan that cannot hold what it promises
├── EngineMissing      a program or setting that the engine needs is not here
├── EngineFailed       the engine's program ended badly, or did not end in its time
├── RepositoryFull     there is no room where backups are kept; what was there before is untouched
├── BackupUnknown      there is no backup, or drill, of this id
├── BackupBusy         a backup or a drill is under way; there is one at a time
├── ManifestInvalid    the manifest is missing, not signed by our key, or not of this backup
├── PartDamaged        a part is missing, was changed, cut off, or does not open with the key we hold
└── DrillFailed        what was restored is not what was kept: the step says where
"""


class BackupError(Exception):
    """Base of everything this package raises."""

    code = "backup"


class PlanInvalid(BackupError):
    """The plan contradicts itself."""

    code = "plan-invalid"


class EngineMissing(BackupError):
    """The message names what is missing and how it comes here."""

    code = "engine-missing"


class EngineFailed(BackupError):
    """The message is the engine's own, without secrets."""

    code = "engine-failed"


class RepositoryFull(BackupError):
    """No room; what was half made is removed."""

    code = "repository-full"


class BackupUnknown(BackupError):
    """Nothing of this id is there."""

    code = "backup-unknown"


class BackupBusy(BackupError):
    """Try again when what is under way has ended."""

    code = "backup-busy"


class ManifestInvalid(BackupError):
    """What the backup says of itself cannot be believed."""

    code = "manifest-invalid"


class PartDamaged(BackupError):
    """A part cannot be restored; the message names it."""

    code = "part-damaged"


class DrillFailed(BackupError):
    """A check of what was restored did not hold."""

    code = "drill-failed"
