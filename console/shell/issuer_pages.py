"""The local issuer's pages, out of the same templates, in the language the reader chose anywhere in the city."""

from collections.abc import Mapping
from typing import Any

from flask import request

from console.shell.frame import LANGUAGE_COOKIE
from console.shell.render import Lang, Renderer, language
from console.shell.words import Words


class IssuerPages:
    """`names`: what each portal is called, by its code, then by language; `origin` is the console's."""

    def __init__(self, names: Mapping[str, Mapping[str, str]], *, origin: str) -> None:
        self._renderer = Renderer(Words(), static_url="/.citygate/static")
        self._names, self._origin = names, origin

    def language(self) -> Lang:
        """Of the current request."""
        cookie = request.cookies.get(LANGUAGE_COOKIE, "")
        return language(request.headers.get("accept-language", ""), cookie, request.args.get("lang", ""))

    def render(self, template: str, **context: Any) -> str:
        """The page as HTML."""
        lang = self.language()
        if "portal_name" in context:
            context["portal_name"] = self._names.get(context["portal_name"], {}).get(lang, "")
        page: Mapping[str, Any] = {"path": request.full_path, "person": None, "nav": [], "origin": self._origin}
        return self._renderer.render(template, lang=lang, page=page, **context)
