"""Ids of everything: ULIDs, sortable by time."""

import base64
import os
import time
from functools import lru_cache

_BLOCK = 400  # ids whose 80 random bits are asked of the system at once
_CHANCES: list[str] = []
_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CROCKFORD = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", _DIGITS.encode())
_PAIRS = [one + other for one in _DIGITS for other in _DIGITS]
os.register_at_fork(after_in_child=_CHANCES.clear)


def mint() -> str:
    """A new id: a ULID, sortable by time. From any thread."""
    milliseconds = time.time_ns() // 1_000_000
    try:
        chance = _CHANCES.pop()
    except IndexError:
        block = base64.b32encode(os.urandom(10 * _BLOCK)).translate(_CROCKFORD).decode()
        chance, *fresh = (block[at : at + 16] for at in range(0, len(block), 16))
        _CHANCES.extend(fresh)  # each is taken once, whichever thread made it
    return _moment(milliseconds) + chance


@lru_cache(maxsize=1)
def _moment(milliseconds: int) -> str:
    return "".join([_PAIRS[milliseconds >> bits & 1023] for bits in (40, 30, 20, 10, 0)])
