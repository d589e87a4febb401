"""Opening and closing a flow between zones, and bringing into force what the rows say; for page and API alike."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

from console.shell.terms import wrong_with_terms
from infra.data_plane import Deviation
from infra.zone import Flow, Way
from infra.zones import Terms, Zones
from storage.act import Act

_DEVIATIONS_NAMED = 10  # in a record


def open_flow(zones: Zones, act: Act, way: Way, terms: Terms) -> Flow:
    """Open `way` under `terms`. Raises as `Zones.open`."""
    flow, replaced = zones.open(way, terms, act)
    act.note({"flow": flow.id})
    _note_replaced(act, replaced)
    return flow


def close_flow(zones: Zones, act: Act, way: Way) -> Flow:
    """Close the flow that is open on `way`, with whatever runs over it. Raises as `Zones.close`."""
    flow, replaced = zones.close(way, act)
    act.note({"flow": flow.id})
    _note_replaced(act, replaced)
    return flow


def apply_rules(zones: Zones, act: Act) -> Sequence[Deviation]:
    """Bring into force what the rows say; return what was other before. Raises as `Zones.apply`."""
    replaced = zones.apply()
    _note_replaced(act, replaced)
    return replaced


def wrong_with_flow_terms(
    *, owner: str, reason: str, until: datetime | None, departments: Collection[str], now: datetime
) -> Iterator[dict[str, str]]:
    """What cannot be accepted, by field."""
    yield from wrong_with_terms(reason=reason, until=until, now=now)
    if owner not in departments:
        yield {"field": "owner", "code": "owner-unknown"}


def _note_replaced(act: Act, replaced: Sequence[Deviation]) -> None:
    """What somebody had opened or closed by hand, now that it is gone."""
    if replaced:
        named = [
            f"{'+' if one.found else '-'} {one.where}: {one.found or one.wanted}"
            for one in replaced[:_DEVIATIONS_NAMED]
        ]
        act.note({"by-hand": "; ".join(named)})
