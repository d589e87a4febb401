"""A desk's views, at paths in the language of the routes: `{name}` stands for one segment."""

from typing import Any

from flask import Blueprint
from flask_smorest import Blueprint as ApiBlueprint

from gateway.routes import VARIABLE

_NUMBERS = frozenset({"leaf"})  # a view takes these as `int`; a segment that is no number leads to no view


class PageViews(Blueprint):
    """The pages of a desk."""

    def __init__(self, name: str, import_name: str, *, url_prefix: str | None = None) -> None:
        super().__init__(name, import_name, url_prefix=url_prefix and translate_path(url_prefix))

    def add_url_rule(self, rule: str, *rest: Any, **options: Any) -> None:
        """Let a view answer at a path; every way to register one comes by here."""
        super().add_url_rule(translate_path(rule), *rest, **options)


class ApiViews(ApiBlueprint):  # type: ignore[misc]  # flask-smorest is untyped
    """The part of a desk in the API, which describes itself."""

    def __init__(self, name: str, import_name: str, *, url_prefix: str) -> None:
        super().__init__(name, import_name, url_prefix=translate_path(url_prefix))

    def add_url_rule(self, rule: str, *rest: Any, **options: Any) -> None:
        """Let a resource answer at a path; every way to register one comes by here."""
        super().add_url_rule(translate_path(rule), *rest, **options)


def translate_path(path: str) -> str:
    """Spell a route's path as werkzeug does. This is the only place that knows its language."""
    return VARIABLE.sub(lambda found: f"<int:{found[1]}>" if found[1] in _NUMBERS else f"<{found[1]}>", path)
