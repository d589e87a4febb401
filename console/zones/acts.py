"""A flow between zones, opened and closed: the acts, which the desk and the API share, and what their terms must be."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

from console.shell.terms import wrong_with_terms
from gateway.local import exchange
from infra.data_plane import Deviation
from infra.zone import Flow, Way
from infra.zones import Terms, Zones

_NAMED = 10  # deviations in a record


def wrong_with_flow_terms(
    *, owner: str, reason: str, until: datetime | None, departments: Collection[str], now: datetime
) -> Iterator[dict[str, str]]:
    """What cannot be accepted, by field."""
    yield from wrong_with_terms(reason=reason, until=until, now=now)
    if owner not in departments:
        yield {"field": "owner", "code": "owner-unknown"}


def opened(held: Zones, way: Way, terms: Terms) -> Flow:
    """Open it under the record of the current request, approved by whoever the door saw. Raises as `Zones.open`."""
    talk = exchange()
    actor, inbound = talk.recorded.identity.subject, talk.recorded.inbound
    flow, mended = held.open(way, terms, actor=actor, approver=inbound.approver, record=inbound.id, told=talk.detail)
    remember(mended, flow)
    return flow


def closed(held: Zones, way: Way) -> Flow:
    """Close it, with whatever runs over it. Raises as `Zones.close`."""
    talk = exchange()
    actor, record = talk.recorded.identity.subject, talk.recorded.inbound.id
    flow, mended = held.close(way, actor=actor, record=record, told=talk.detail)
    remember(mended, flow)
    return flow


def remember(mended: Sequence[Deviation], flow: Flow | None = None) -> None:
    """In the outcome record: which flow, and what somebody had opened or closed by hand, now that it is gone."""
    detail = exchange().detail
    if flow:
        detail["flow"] = flow.id
    if mended:
        named = [f"{'+' if one.found else '-'} {one.where}: {one.found or one.wanted}" for one in mended[:_NAMED]]
        detail["by-hand"] = "; ".join(named)
