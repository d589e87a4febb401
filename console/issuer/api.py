"""`/api/v1/issuer`: the issuer as the city wants it."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from flask.views import MethodView

from console.issuer.acts import mend_issuer
from console.shell.act import current_act
from console.shell.views import ApiViews
from idp.keycloak.drift import Drift


def issuer(drift: Callable[[], Sequence[Drift]], apply: Callable[[], Sequence[Drift]]) -> ApiViews:
    """The issuer as the city wants it."""
    routes = ApiViews("issuer", __name__, url_prefix="/api/v1/issuer")

    @routes.route("/drift")
    class IssuerDrift(MethodView):
        def get(self) -> dict[str, Any]:
            """What is other there than it should be."""
            return {"items": [asdict(item) for item in drift()]}

    @routes.route("/apply")
    class IssuerPlan(MethodView):
        def post(self) -> dict[str, Any]:
            """Bring it to what it should be; what was mended."""
            return {"items": [asdict(item) for item in mend_issuer(apply, current_act())]}

    return routes
