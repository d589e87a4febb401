"""The desk of keys: every key of the city with its versions, and the button that rotates one."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from flask import request
from werkzeug import Response

from authz.lease import Receipt
from console.keys.acts import rotate_key
from console.shell.act import current_act, reader
from console.shell.frame import Frame
from console.shell.names import name_in
from console.shell.views import PageViews
from crypto import lifecycle
from crypto.key_rows import Key
from crypto.keyring import PAGE_KEYS, Keyring
from crypto.lifecycle import State
from idp.directory import Directory

_PAGE = "/keys"
_SHOWN = 4  # versions of a key on the page: the newest; all are in the API


class KeyPages:
    """The views of a security administrator; `effective(epoch)` waits until every gateway decides by it."""

    def __init__(
        self,
        frame: Frame,
        *,
        keyring: Keyring,
        directory: Directory,
        effective: Callable[[int], Receipt],
        clock: Callable[[], datetime],
    ) -> None:
        self._frame, self._keyring, self._directory = frame, keyring, directory
        self._effective, self._clock = effective, clock

    def blueprint(self) -> PageViews:
        """All of them, by path."""
        views = PageViews("keys", __name__)
        views.get(_PAGE)(self.keys)
        views.post("/departments/{department}/keys/{key}/rotate")(self.rotate)
        return views

    def keys(self) -> Response:
        """One page of all keys, by department and name."""
        after = (request.args.get("department", "")[:63], request.args.get("name", "")[:63])
        page = self._keyring.keys(after=after)
        last = urlencode({"department": page[-1].department, "name": page[-1].name}) if len(page) == PAGE_KEYS else ""
        return self._frame.page(
            "keys.html",
            csrf=reader().csrf,
            keys=[self._shown(key) for key in page],
            max_age_days=lifecycle.MAX_AGE.days,
            receipt=self._frame.receipts.read(_PAGE),
            next_url=f"?{last}" if last else None,
        )

    def rotate(self, department: str, key: str) -> Response:
        """Rotate, wait for every gateway, and show the receipt."""
        rotated, receipt = rotate_key(self._keyring, current_act(), department, key, effective=self._effective)
        version = str(rotated.active.number)
        return self._frame.receipts.redirect_with(
            _PAGE, "key-rotated", receipt, department=department, name=key, version=version
        )

    def _shown(self, key: Key) -> dict[str, Any]:
        tree, now = self._directory.departments(), self._clock()
        newest = [one for one in reversed(key.versions) if one.state is not State.RETIRED][:_SHOWN]
        rotating = lifecycle.published_version(key.versions) is not None
        return {
            "name": key.name,
            "department": name_in(tree[key.department], self._frame.lang()),
            "usage": f"key-{key.usage}",
            "rotate": f"/departments/{key.department}/keys/{key.name}/rotate",
            "rotating": rotating,
            "retired": sum(one.state is State.RETIRED for one in key.versions),
            "versions": [
                {
                    "number": one.number,
                    "algorithm": one.algorithm,
                    "state": one.state,
                    "days": (now - (one.active_at or one.created_at)).days,
                    "references": one.reference_count,
                    "counted_at": one.counted_at,
                }
                for one in newest
            ],
        }
