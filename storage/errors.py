"""What can go wrong with the database.

StorageError
└── StorageUnavailable  the database is locked, full, gone or refuses: nothing was read, nothing was written
"""


class StorageError(Exception):
    """Base of everything this package raises."""

    code = "storage"


class StorageUnavailable(StorageError):
    """The transaction did not happen; it may be tried again."""

    code = "storage-unavailable"
