"""Beginning a backup or a restore drill; for page and API alike."""

from backup.book import Entry
from backup.work import Work
from storage.act import Act


def begin_work(work: Work, act: Act, kind: str) -> Entry:
    """Begin a backup or a drill, as `kind` says, and return its row; it is done in a thread. Raises BackupBusy."""
    entry = work.begin(kind, act)
    act.note({kind: entry.id})
    return entry
