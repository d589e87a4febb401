"""The life of a key's versions, as a pure function of what is known of them.

published → active → decrypt-only → retired. A version is *published* before anything is sealed with it: whoever may
meet its seals has it first. One version is active, it seals; decrypt-only ones open what they sealed; a retired one is
destroyed. Rotation is by age, long before the 2^32 uses that SP 800-38D §8.3 allows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

MAX_AGE = timedelta(days=90)
MAX_SEALED = 2**28  # a sixteenth of the limit: what is counted late or not at all is far less


class State(StrEnum):
    """The state of a version."""

    PUBLISHED = "published"
    ACTIVE = "active"
    DECRYPT_ONLY = "decrypt-only"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a key, without what it is made of."""

    number: int
    algorithm: str
    state: State
    created_at: datetime
    active_at: datetime | None = None
    closed_at: datetime | None = None  # when it became decrypt-only
    retired_at: datetime | None = None
    reference_count: int | None = (
        None  # values that were still sealed under it when last counted; None: nobody can count
    )
    counted_at: datetime | None = None
    fingerprint: str = ""  # of the public key, where there is one
    record: str = ""  # of its latest change

    @property
    def opens(self) -> bool:
        """Whether it still opens what it sealed."""
        return self.state in (State.ACTIVE, State.DECRYPT_ONLY)


def active_version(versions: Sequence[Version]) -> Version:
    """Return the version that seals. Every key has exactly one."""
    return next(one for one in versions if one.state is State.ACTIVE)


def published_version(versions: Sequence[Version]) -> Version | None:
    """Return the version whose rotation is not over, or None.
    A rotation goes on with it, and never makes a second one.
    """
    return next((one for one in versions if one.state is State.PUBLISHED), None)


def next_number(versions: Sequence[Version]) -> int:
    """Return the number of the next version. Numbers count from 1 and never come back."""
    return max((one.number for one in versions), default=0) + 1


def is_due(version: Version, *, now: datetime, sealed: int) -> bool:
    """Return whether the active version has been used long enough (90 days) or often enough. `sealed` is how many times
    it wrapped a data key.
    """
    return version.active_at is not None and (now - version.active_at >= MAX_AGE or sealed >= MAX_SEALED)


def may_retire(version: Version, *, now: datetime, linger: timedelta) -> bool:
    """Return whether nothing needs the version any more.

    `linger` is how long a value may be under way that nobody can count, as in a browser. The count must have been made
    after that.
    """
    if version.state is not State.DECRYPT_ONLY or version.closed_at is None or version.counted_at is None:
        return False
    over = version.closed_at + linger
    return version.reference_count == 0 and over <= version.counted_at <= now
