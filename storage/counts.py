"""Counts that all gateways share: who asked how often, for some minutes and no longer."""

from collections.abc import Mapping
from typing import Protocol


class Counts(Protocol):
    """Counts that several gateways share. Called from threads. Raises EphemeralUnavailable."""

    def add(self, counts: Mapping[str, int], *, seconds: int) -> Mapping[str, int]:
        """Add to each count, and return the total of each; 0 only asks. A count is forgotten `seconds` after it last
        grew.

        Called with no counts, it still says by returning that the store is there.
        """
