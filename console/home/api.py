"""`/api/v1/sessions`: one's own sessions."""

from collections.abc import Callable
from typing import Any

from flask.views import MethodView

from audit.event import timestamp
from authz.lease import Receipt
from console.home.acts import sign_out_everywhere
from console.shell.act import current_act, reader
from console.shell.receipts import receipt_json
from console.shell.views import ApiViews
from idp.directory import Directory
from idp.session import Sessions


def own_sessions(sessions: Sessions, directory: Directory, effective: Callable[[int], Receipt]) -> ApiViews:
    """One's own sessions."""
    routes = ApiViews("sessions", __name__, url_prefix="/api/v1/sessions")

    @routes.route("")
    class OwnSessions(MethodView):
        def get(self) -> dict[str, Any]:
            """Where I am signed in."""
            mine = sessions.list_alive(reader().subject)
            return {
                "items": [{"id": s.id, "started_at": timestamp(s.started_at), "assurance": s.assurance} for s in mine]
            }

        def delete(self) -> dict[str, Any]:
            """Sign out everywhere."""
            ended, receipt = sign_out_everywhere(sessions, directory, effective, current_act())
            return {"ended": ended, "receipt": receipt_json(receipt)}

    return routes
