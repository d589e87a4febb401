"""The whole request, as one function: read this first.

Every request to a portal, a desk, the API or a job of the clock passes these lines, in this order. A stage takes what
the stage before it returned, so a step that is left out does not type-check; how far a request came is what its
refusal is recorded with.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from audit.spool import Spool
from authz.lease import Decider
from gateway.authenticate import Credentials, authenticate
from gateway.authorize import authorize
from gateway.canonical import canonical
from gateway.deliver import Deliveries, deliver
from gateway.limit import Buckets, limit
from gateway.match import match
from gateway.outcome import outcome
from gateway.record import record
from gateway.refuse import Refusals, refuse
from gateway.routes import RouteTable
from gateway.stages import Outbound, Raw, Stage
from gateway.transform import Assertions, transform


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Everything the door needs, as values."""

    routes: RouteTable
    credentials: Credentials
    buckets: Buckets
    decider: Decider
    spool: Spool
    assertions: Assertions
    deliveries: Deliveries
    refusals: Refusals
    clock: Callable[[], datetime]
    mint: Callable[[], str]


async def handle(raw: Raw, gate: Gate) -> Outbound:
    """Answer one request (PEP). Never raises; no answer leaves before its record (law 5)."""
    reached: Stage = raw
    try:
        reached = canonical(raw, now=gate.clock(), mint=gate.mint)
        reached = match(reached, gate.routes, gate.decider.snapshot.policies.facts)
        reached = await authenticate(reached, gate.credentials)
        reached = await limit(reached, gate.buckets)
        reached = authorize(reached, gate.decider)
        reached = await record(reached, gate.spool)
        reached = transform(reached, gate.assertions)
        return await outcome(reached, deliver(reached, gate.deliveries), gate.spool, gate.clock)
    except Exception as failure:  # noqa: BLE001 - the only one: a bug is a 500, and recorded
        return await refuse(reached, failure, gate.refusals)
