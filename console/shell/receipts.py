"""What was done, told once by the page it led to, with the receipt of when it was effective."""

import json
from typing import Any

from flask import redirect, request
from werkzeug import Response

from authz.lease import Receipt
from crypto.aead import Sealer
from crypto.errors import SealInvalid


def in_full(receipt: Receipt) -> dict[str, Any]:
    """A receipt as the API tells it: when it was effective, by how many of the gateways that live."""
    return {
        "epoch": receipt.epoch,
        "confirmed": receipt.confirmed,
        "live": receipt.live,
        "seconds": round(receipt.seconds, 3),
    }


class Told:
    """It travels sealed, so that no link can claim it, and only to the page that it was made for."""

    def __init__(self, seal: Sealer) -> None:
        self._seal = seal

    def at(self, place: str, what: str, receipt: Receipt | None = None, **more: str) -> Response:
        """Redirect to `place`, where it is told; so a reload does nothing twice."""
        told: dict[str, Any] = {"what": what, **more}
        if receipt:
            told |= {"confirmed": receipt.confirmed, "live": receipt.live, "seconds": receipt.seconds}
        sealed = self._seal.seal(json.dumps(told).encode(), purpose=f"receipt {place}").hex()
        return redirect(f"{place}?receipt={sealed}", 303)

    def here(self, place: str) -> dict[str, Any] | None:
        """What the link brought, if it was made for this page."""
        try:
            sealed = bytes.fromhex(request.args.get("receipt", ""))
            return dict(json.loads(self._seal.open(sealed, purpose=f"receipt {place}")))
        except (SealInvalid, ValueError):
            return None
