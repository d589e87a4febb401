"""What a data plane must do: take all rules or none, answer by what is in force, show what is other than compiled."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from infra.nftables import RuleModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """One difference between what is in force and what was compiled. `wanted` is "" if it was not compiled, `found` is
    "" if it is not in force.
    """

    where: str  # "flows", "chain forward", "table inet other"
    found: str
    wanted: str


class DataPlane(Protocol):
    """One router between all zones. Called from threads, one `apply` at a time."""

    name: str  # code of what it is, for a page that must not claim more

    def apply(self, model: RuleModel) -> None:
        """Bring all of `model` into force at once.

        Raises DataPlaneRefused, and then the rules before are in force; DataPlaneUnavailable.
        """

    def digest(self) -> str:
        """Return the digest of the model that was applied last, or "" if none was. Raises DataPlaneUnavailable."""

    def test(self, from_zone: str, to_zone: str, protocol: str, port: int) -> bool:
        """Return whether a new connection passes now, by the rules in force, however they came there.

        Raises ZoneUnknown for a zone it has not heard of, DataPlaneUnavailable.
        """

    def drift(self, model: RuleModel) -> Sequence[Deviation]:
        """Return the differences between the rules in force and `model`. Raises DataPlaneUnavailable."""
