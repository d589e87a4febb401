"""Ids of everything: ULIDs, sortable by time."""

from ulid import PureRandomPolicy, ULIDGenerator

# Each id is 80 new random bits. The usual policy adds one to the bits of the id before, which tells the next id to
# whoever saw one, and would make one id twice in two processes of one fork.
_ULIDS = ULIDGenerator(policy=PureRandomPolicy())


def mint() -> str:
    """A new id: a ULID, 26 characters, sortable by time. From any thread."""
    return str(_ULIDS.generate())
