"""What the register knows of an object beside its path: its system's owner and label, its zone's ceiling; pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from authz.label import Label
from authz.request import AccessRequest

_NOBODY = "-"  # whose an unknown system is: no department is called so


class PlaceKind(StrEnum):
    """What can stand in the way of a request because of where its object is.
    Nothing that its requester could bring would help.
    """

    SYSTEM = "system"
    ZONE = "zone"


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemFact:
    """A system's owner, and the label of its objects unless a route says more."""

    department: str
    label: Label


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One condition on a place: what there is (`value`), what it would take (`needed`), and whether that is enough
    (`ok`).
    """

    place: PlaceKind
    value: str
    needed: str
    ok: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of systems, and the ceiling of every zone (安全域), both by id."""

    systems: Mapping[str, SystemFact] = field(default_factory=lambda: MappingProxyType({}))
    zones: Mapping[str, Label] = field(default_factory=lambda: MappingProxyType({}))

    def label_of(self, request: AccessRequest) -> Label:
        """Return the object's label: the route's, or that of its system if it is higher.
        An unknown system counts as label 5.
        """
        return max(request.label, self._data_of(request)) if request.system else request.label

    def standings(self, request: AccessRequest) -> Iterator[Standing]:
        """The conditions on where the object is, in the order the decision reads them.

        The system must be the department's own, and the zone's ceiling counts like that of the session (law 6): for
        the data that will lie there, whatever label the desk has where it is asked for.
        """
        if request.system:
            known = self.systems.get(request.system)
            owner = known.department if known else _NOBODY
            ok = owner == request.department
            yield Standing(place=PlaceKind.SYSTEM, value=owner, needed=request.department, ok=ok)
        if request.zone:
            label, ceiling = self._data_of(request), self.zones.get(request.zone, 0)
            value, needed = str(int(ceiling)), str(int(label))
            yield Standing(place=PlaceKind.ZONE, value=value, needed=needed, ok=ceiling >= label)

    def _data_of(self, request: AccessRequest) -> Label:
        """The label of the system's own data."""
        if not request.system:
            return request.label
        known = self.systems.get(request.system)
        return known.label if known else Label.L5

    def in_the_way(self, request: AccessRequest) -> PlaceKind | None:
        """Return the first condition of `standings` that does not hold, or None if all hold."""
        if not (request.system or request.zone):
            return None  # most requests place nothing
        return next((one.place for one in self.standings(request) if not one.ok), None)


NO_FACTS = Facts()
