"""Delivery by the data plane (nginx `auth_request`): our whole answer is whether, and with which assertion.

The data plane understands 2xx, 401 and 403 only, so a refusal is kept here for a moment and its answer says under
which id. The data plane then asks for it, with the client's body; it is told, never decided anew. A target that is
the door's own is not the data plane's to deliver: the answer sends it inline, where it is decided.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime

from cachebox import TTLCache

from gateway.canonical import REFUSAL, canonical
from gateway.deliver import private_headers
from gateway.errors import GatewayError, TargetRefused
from gateway.refuse import Refusal, Refusals, refuse, tell
from gateway.routes import DOOR_PATHS, is_door_path
from gateway.stages import Inbound, Outbound, Raw, Recorded
from gateway.transform import ASSERTION_HEADER

REFUSAL_HEADER, COOKIE_HEADER, SERVED_BY_HEADER = b"x-citygate-refusal", b"x-citygate-cookie", b"x-citygate-served-by"
_KEPT_SECONDS, _KEPT_ENTRIES = 30, 10_000
_TARGET_HEADER = b"x-original-target"
_DOOR_PATHS = tuple(path.rstrip("/").encode() for path in DOOR_PATHS)


async def allow(recorded: Recorded) -> Outbound:
    """Yes, with the assertion and the client's own cookies for the data plane to pass on."""
    named = {ASSERTION_HEADER: ASSERTION_HEADER, b"cookie": COOKIE_HEADER}
    headers = tuple((named[n], value) for n, value in recorded.forward if n in named)
    return Outbound(status=204, headers=private_headers(headers, recorded.matched.label))


class KeptRefusals:
    """Refusals of forward-auth questions between the data plane's two steps; bounded, and gone after half a minute."""

    def __init__(self) -> None:
        self._kept: TTLCache[str, Refusal] = TTLCache(_KEPT_ENTRIES, _KEPT_SECONDS)

    def keep(self, refusal: Refusal) -> Outbound:
        """The answer to the question; 401 and 403 are all the data plane passes to its error page."""
        self._kept[refusal.id] = refusal
        status = 401 if refusal.problem.status == 401 else 403
        return Outbound(status=status, headers=((REFUSAL_HEADER, refusal.id.encode()),))

    def take(self, asked: Inbound) -> Refusal:
        """The kept refusal of exactly this request, with the body that has come by now. Raises TargetRefused."""
        refusal = self._kept.pop(asked.header(REFUSAL_HEADER) or "", None)
        inbound = refusal.inbound if refusal else None
        if refusal is None or inbound is None:
            raise TargetRefused("no such refusal is kept")
        if (asked.method, asked.host, asked.target) != (inbound.method, inbound.host, inbound.target):
            raise TargetRefused("the kept refusal was for another request")
        return replace(refusal, inbound=replace(inbound, body=asked.body))


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardAuth:
    """What answers on the gate's own listener; `handle` decides every question."""

    handle: Callable[[Raw], Awaitable[Outbound]]
    kept: KeptRefusals
    refusals: Refusals
    clock: Callable[[], datetime]
    mint: Callable[[], str]

    async def answer(self, raw: Raw) -> Outbound:
        """A question is decided, a kept refusal told; never raises."""
        if not _may_be_the_doors(raw):
            return await self.handle(raw)
        try:
            asked = canonical(raw, now=self.clock(), mint=self.mint)
            if raw.target == REFUSAL:
                return await tell(self.kept.take(asked), self.refusals)
            if is_door_path(asked.path):
                return Outbound(status=403, headers=((SERVED_BY_HEADER, b"door"),))
        except GatewayError as failure:
            return await refuse(raw, failure, self.refusals)
        return await self.handle(raw)


def _may_be_the_doors(raw: Raw) -> bool:
    """Whether this is more than a question about a portal's path: nearly none is, and `handle` reads it by itself.

    A path that `canonical` takes is spelled in the target as it is, so a door's path begins there with these bytes.
    """
    asked = [value for name, value in raw.headers if name.lower() == _TARGET_HEADER]
    return raw.target == REFUSAL or any(value.startswith(_DOOR_PATHS) for value in asked)
