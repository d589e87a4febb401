"""`/api/v1/sessions`: one's own sessions."""

from collections.abc import Callable
from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint

from audit.event import timestamp
from authz.lease import Receipt
from console.shell.act import check_csrf
from console.shell.receipts import receipt_json
from gateway.local import exchange
from idp.directory import Directory
from idp.session import Sessions


def sessions(held: Sessions, directory: Directory, effective: Callable[[int], Receipt]) -> Blueprint:
    """One's own sessions."""
    routes = Blueprint("sessions", __name__, url_prefix="/api/v1/sessions")

    @routes.route("")
    class Mine(MethodView):
        def get(self) -> dict[str, Any]:
            """Where I am signed in."""
            mine = held.of(exchange().recorded.identity.subject)
            return {
                "items": [{"id": s.id, "started_at": timestamp(s.started_at), "assurance": s.assurance} for s in mine]
            }

        def delete(self) -> dict[str, Any]:
            """Sign out everywhere."""
            check_csrf()
            talk = exchange()
            over, epoch = held.end_all(talk.recorded.identity.subject, directory, record=talk.recorded.inbound.id)
            return {"ended": len(over), "receipt": receipt_json(effective(epoch))}

    return routes
