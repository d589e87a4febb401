"""Counts that all gateways share: who asked how often, for some minutes and no longer."""

from collections.abc import Mapping
from typing import Protocol


class Counts(Protocol):
    """Called from threads; raises EphemeralUnavailable."""

    def add(self, counts: Mapping[str, int], *, seconds: int) -> Mapping[str, int]:
        """Add to each count and answer its total; 0 only asks. Forgotten `seconds` after it last grew.

        An answer to nothing still says that the store is there.
        """
