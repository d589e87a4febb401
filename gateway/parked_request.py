"""What a refused request leaves behind so that it can be sent again: its bytes, parked for its requester (law 9)."""

import asyncio

from authz.errors import ParkFull
from authz.park import BODY_BYTES, ApprovalRequest, Parking, ParkingSlip
from authz.request import Missing
from gateway.errors import BodyTooLarge
from gateway.http.body import read_body
from gateway.stages import Inbound, Matched

_HEADERS = (b"content-type", b"accept", b"accept-language", b"idempotency-key")
_SECONDS = 10.0


async def park(
    parking: Parking,
    inbound: Inbound,
    *,
    subject: str,
    missing: Missing,
    record: str,
    approval_request: ApprovalRequest | None = None,
) -> ParkingSlip:
    """Read the body and keep the request. Raises ParkFull, RequestTimeout, StorageUnavailable."""
    try:
        body = await read_body(inbound, limit_bytes=BODY_BYTES, deadline_seconds=_SECONDS)
    except BodyTooLarge as large:
        raise ParkFull(f"only {BODY_BYTES} bytes can be parked") from large
    headers = tuple((n.decode(), v.decode("latin-1")) for n, v in inbound.headers if n in _HEADERS)
    return await asyncio.to_thread(
        parking.park,
        subject=subject,
        host=inbound.host,
        missing=missing,
        method=inbound.method,
        target=inbound.target,
        headers=headers,
        body=body,
        record=record,
        approval_request=approval_request,
    )


def approval_request_of(matched: Matched) -> ApprovalRequest:
    """What a second person is asked for, of a route that needs one."""
    return ApprovalRequest(
        department=matched.department,
        object=matched.object,
        action=matched.action,
        approve_action=matched.route.approval[matched.action],
        label=max(matched.label, matched.route.approval_label),
    )
