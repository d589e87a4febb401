"""The Flask application behind `local`: every desk and the API, guarded against any call the door did not record."""

from collections.abc import Iterable
from pathlib import Path

from flask import Flask

from console.shell.desk import Desk
from console.shell.problem import Rest, forbid_caching
from gateway.local import guard


def create_application(desks: Iterable[Desk]) -> Flask:
    """Put the desks together."""
    application = Flask("console", static_folder=None, root_path=str(Path(__file__).parent))
    application.config.update(
        PROPAGATE_EXCEPTIONS=True,  # the pipeline answers them, by its one table
        API_TITLE="citygate",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/api/v1",
        OPENAPI_JSON_PATH="openapi.json",
    )
    guard(application)
    application.after_request(forbid_caching)
    rest = Rest(application)
    for desk in desks:
        for pages in desk.pages:
            application.register_blueprint(pages)
        for resources in desk.api:
            rest.register_blueprint(resources)
    return application
