"""One record: the event, which spool wrote it, as which of its records, and chained to the one before.

    format 0x01 ‖ spool (8) ‖ sequence (8, big endian) ‖ chain (32) ‖ event
    chain = SHA-256(chain of the record before ‖ format ‖ spool ‖ sequence ‖ event), after 32 zero bytes at first

The same bytes stand in the spool's segment and in the log's entry bundle, each record behind its length (2 bytes,
big endian); the leaf is their RFC 9162 hash. So continuity can be checked from the log alone.
"""

import hashlib
import struct
from collections.abc import Iterable
from typing import NamedTuple

from audit.errors import RecordMalformed

FORMAT = b"\x01"
SPOOL_BYTES = 8
GENESIS = bytes(32)
_PREFIX = struct.Struct(">c8sQ")
_LENGTH = struct.Struct(">H").pack
_CHAIN_BYTES = 32
_EVENT_AT = _PREFIX.size + _CHAIN_BYTES
LENGTH_BYTES = 2
OVERHEAD_BYTES = LENGTH_BYTES + _EVENT_AT  # of a stored record beside its event


class Head(NamedTuple):
    """The end of a spool: the sequence number its next record has, and the chain hash of its last."""

    next: int = 0
    chain: bytes = GENESIS


class Record(NamedTuple):
    """The parts of a record; `event` is still encoded."""

    spool: bytes
    sequence: int
    chain: bytes
    event: bytes

    @property
    def head(self) -> Head:
        """The end of the spool behind this record."""
        return Head(self.sequence + 1, self.chain)

    def follows(self, head: Head) -> bool:
        """Return whether this is the next record behind `head`, and unchanged."""
        return self.sequence == head.next and self.chain == _chain(self.spool, self.sequence, self.event, head)


def link(spool: bytes, event: bytes, head: Head) -> tuple[bytes, Head]:
    """Return the bytes of the record for `event` (encoded) behind `head`, and the head behind it.
    `spool` is the spool's id.
    """
    chain = _chain(spool, head.next, event, head)
    return _PREFIX.pack(FORMAT, spool, head.next) + chain + event, Head(head.next + 1, chain)


def decode(data: bytes) -> Record:
    """Return the parts of a record. Raises RecordMalformed."""
    if len(data) <= _EVENT_AT or data[:1] != FORMAT:
        raise RecordMalformed(f"record of {len(data)} bytes has format {data[:1].hex() or 'none'}")
    _, spool, sequence = _PREFIX.unpack_from(data)
    return Record(spool, sequence, data[_PREFIX.size : _EVENT_AT], data[_EVENT_AT:])


def spool_of(data: bytes) -> bytes:
    """Return the id of the spool of a record that is known to be well-formed."""
    return data[len(FORMAT) : len(FORMAT) + SPOOL_BYTES]


def stored_bytes(records: Iterable[bytes]) -> int:
    """Return how many bytes `join` makes of these records."""
    return sum([LENGTH_BYTES + len(record) for record in records])


def join(records: Iterable[bytes]) -> bytes:
    """Return the records in a row, each behind its length (2 bytes, big endian)."""
    return b"".join([part for record in records for part in (_LENGTH(len(record)), record)])


def split(data: bytes) -> tuple[list[bytes], int]:
    """Return the whole records at the start of `data`, and the offset behind the last of them."""
    records, at = [], 0
    while at + LENGTH_BYTES <= len(data):
        end = at + LENGTH_BYTES + (data[at] << 8 | data[at + 1])
        if end > len(data):
            break
        records.append(data[at + LENGTH_BYTES : end])
        at = end
    return records, at


def _chain(spool: bytes, sequence: int, event: bytes, head: Head) -> bytes:
    return hashlib.sha256(head.chain + _PREFIX.pack(FORMAT, spool, sequence) + event).digest()
