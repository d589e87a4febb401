"""What can go wrong where state lives.

StorageError
├── StorageUnavailable    the database is locked, full, gone or refuses: nothing was read, nothing was written
└── EphemeralUnavailable  what may be forgotten cannot be asked for: nobody is known, so nobody is let in
"""


class StorageError(Exception):
    """Base of everything this package raises."""

    code = "storage"


class StorageUnavailable(StorageError):
    """The transaction did not happen, or nobody can say whether it did; it may be tried again."""

    code = "storage-unavailable"


class EphemeralUnavailable(StorageError):
    """The shared memory of all processes does not answer; it may be tried again."""

    code = "ephemeral-unavailable"
