"""`/api/v1/issuer`: the issuer as the city wants it."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint

from console.shell.act import check_csrf
from gateway.local import exchange
from idp.keycloak.drift import Drift

_MENDED_NAMED = 20  # in a record


def issuer(drift: Callable[[], Sequence[Drift]], apply: Callable[[], Sequence[Drift]]) -> Blueprint:
    """The issuer as the city wants it."""
    routes = Blueprint("issuer", __name__, url_prefix="/api/v1/issuer")

    @routes.route("/drift")
    class Found(MethodView):
        def get(self) -> dict[str, Any]:
            """What is other there than it should be."""
            return {"items": [asdict(one) for one in drift()]}

    @routes.route("/apply")
    class Mended(MethodView):
        def post(self) -> dict[str, Any]:
            """Bring it to what it should be; what was mended."""
            check_csrf()
            mended = [asdict(one) for one in apply()]
            named = [f"{one['what']} {one['path']}".strip() for one in mended[:_MENDED_NAMED]]
            exchange().recorded.notes["mended"] = ", ".join(named)
            return {"items": mended}

    return routes
