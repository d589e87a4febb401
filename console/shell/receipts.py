"""Receipts: what was done and when it was effective, shown once by the page that the act leads to."""

import json
from typing import Any

from flask import redirect, request
from werkzeug import Response

from authz.lease import Receipt
from console.shell.act import reader
from crypto.aead import Sealer
from crypto.errors import SealInvalid


def receipt_json(receipt: Receipt) -> dict[str, Any]:
    """Return a receipt as the API shows it: when it was effective, by how many of the gateways that live."""
    return {
        "epoch": receipt.epoch,
        "confirmed": receipt.confirmed,
        "live": receipt.live,
        "seconds": round(receipt.seconds, 3),
    }


class Receipts:
    """Hands a receipt to the next page, sealed, so that no link can claim it and no other page shows it."""

    def __init__(self, seal: Sealer) -> None:
        self._seal = seal

    def redirect_with(self, place: str, what: str, receipt: Receipt | None = None, **more: str) -> Response:
        """Redirect to `place`, whose page shows that `what` was done; so a reload does nothing twice."""
        shown: dict[str, Any] = {"what": what, **more}
        if receipt:
            shown |= {"confirmed": receipt.confirmed, "live": receipt.live, "seconds": receipt.seconds}
        sealed = self._seal.seal(json.dumps(shown).encode(), purpose=_purpose(place)).hex()
        return redirect(f"{place}?receipt={sealed}", 303)

    def read(self, place: str) -> dict[str, Any] | None:
        """Return what the current request's link brought; None unless it was made for `place`."""
        try:
            sealed = bytes.fromhex(request.args.get("receipt", ""))
            return dict(json.loads(self._seal.open(sealed, purpose=_purpose(place))))
        except (SealInvalid, ValueError):
            return None


def _purpose(place: str) -> str:
    """What a receipt is sealed for: one page, and the person who did what it tells."""
    return f"receipt {place} {reader().subject}"
