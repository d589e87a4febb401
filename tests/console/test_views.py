"""Views at paths in the language of the routes."""

import pytest
from flask import Flask
from flask_smorest import Api

from console.shell.views import ApiViews, PageViews, translate_path


@pytest.mark.parametrize(
    ("path", "spelled"),
    [
        ("", ""),
        ("/requests", "/requests"),
        ("/zones/{zone}/flows/{to}/{protocol}/{port}", "/zones/<zone>/flows/<to>/<protocol>/<port>"),
        ("/audit/events/{leaf}", "/audit/events/<int:leaf>"),
    ],
)
def test_a_routes_path_is_spelled_as_werkzeug_does(path: str, spelled: str) -> None:
    assert translate_path(path) == spelled


def _leaf(**named: str | int) -> dict[str, str | int]:
    return named


def test_pages_and_resources_answer_at_the_paths_of_routes_whichever_way_they_are_registered() -> None:
    app = Flask("probe")
    app.config.update(API_TITLE="t", API_VERSION="1", OPENAPI_VERSION="3.1.0")
    pages = PageViews("pages", __name__, url_prefix="/books/{book}")
    pages.get("/pages/{leaf}")(_leaf)
    pages.add_url_rule("/{word}", "word", _leaf, methods=["POST"])
    resources = ApiViews("resources", __name__, url_prefix="/api/books/{book}")
    resources.route("/pages/{leaf}")(_leaf)
    app.register_blueprint(pages)
    Api(app).register_blueprint(resources)
    client = app.test_client()
    for prefix in ("/books", "/api/books"):
        assert client.get(f"{prefix}/red/pages/7").json == {"book": "red", "leaf": 7}
        assert client.get(f"{prefix}/red/pages/x").status_code == 404
    assert client.post("/books/red/x").json == {"book": "red", "word": "x"}
