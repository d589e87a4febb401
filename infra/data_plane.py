"""What a data plane must do: take all rules or none, answer by what is in force, show what is other than compiled."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from infra.nftables import RuleModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """One thing in force that was not compiled (`wanted` is ""), or that was and is not in force (`found` is "")."""

    where: str  # "flows", "chain forward", "table inet other"
    found: str
    wanted: str


class DataPlane(Protocol):
    """One router between all zones. Called from threads, one `apply` at a time."""

    name: str  # code of what it is, for a page that must not claim more

    def apply(self, model: RuleModel) -> None:
        """Bring all of `model` into force at once.

        Raises DataPlaneRefused, and what was before holds; DataPlaneUnavailable.
        """

    def digest(self) -> str:
        """The digest of the model that was applied last, "" for none. Raises DataPlaneUnavailable."""

    def test(self, from_zone: str, to_zone: str, protocol: str, port: int) -> bool:
        """Whether a new connection passes now, by what is in force, however that came about.

        Raises ZoneUnknown for a zone it has not heard of, DataPlaneUnavailable.
        """

    def drift(self, model: RuleModel) -> Sequence[Deviation]:
        """Where what is in force differs from `model`. Raises DataPlaneUnavailable."""
