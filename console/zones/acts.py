"""Opening and closing a flow between zones, and bringing into force what the rows say; for page and API alike."""

from collections.abc import Sequence

from infra.data_plane import Deviation
from infra.zone import Flow, Way
from infra.zones import FlowTerms, Zones
from storage.act import Act

_DEVIATIONS_NAMED = 10  # in a record


def open_flow(zones: Zones, act: Act, way: Way, terms: FlowTerms) -> Flow:
    """Open `way` under `terms`; return the flow. Raises as `Zones.open`."""
    flow, replaced = zones.open(way, terms, act)
    act.note({"flow": flow.id})
    _note_replaced(act, replaced)
    return flow


def close_flow(zones: Zones, act: Act, way: Way) -> Flow:
    """Close the flow that is open on `way`, with whatever runs over it; return it. Raises as `Zones.close`."""
    flow, replaced = zones.close(way, act)
    act.note({"flow": flow.id})
    _note_replaced(act, replaced)
    return flow


def apply_rules(zones: Zones, act: Act) -> Sequence[Deviation]:
    """Bring into force what the rows say; return what was other before. Raises as `Zones.apply`."""
    replaced = zones.apply()
    _note_replaced(act, replaced)
    return replaced


def _note_replaced(act: Act, replaced: Sequence[Deviation]) -> None:
    """Note what somebody had opened or closed by hand, now that it is gone."""
    if replaced:
        named = [
            f"{'+' if deviation.found else '-'} {deviation.where}: {deviation.found or deviation.wanted}"
            for deviation in replaced[:_DEVIATIONS_NAMED]
        ]
        act.note({"by-hand": "; ".join(named)})
