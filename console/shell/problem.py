"""What a view refuses by itself, answered as the door answers its refusals: RFC 9457, or the page for people."""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from flask import Response
from flask_smorest import Api
from werkzeug.exceptions import BadRequest, HTTPException, MethodNotAllowed, NotFound

from console.shell.act import record_id
from gateway.errors import MethodRefused, RouteUnknown
from gateway.problems import status_of
from gateway.refuse import STATUS_PHRASES

Errors = Sequence[Mapping[str, str]]  # {"field": …, "code": …}


def refuse_with(code: str, errors: Errors = ()) -> Response:
    """An answer of this request that says what is wrong with it, by field; the status is the one that goes with `code`.

    Raises KeyError for a code that gateway/problems.py does not know.
    """
    return problem(status_of(code), code, errors)


def form_status(errors: Errors) -> int:
    """The status of a page with a form: 200, or that of a form with something wrong in it."""
    return status_of("request-invalid") if errors else HTTPStatus.OK


def problem(status: int, code: str, errors: Errors = ()) -> Response:
    """The same where the status is known already."""
    document: dict[str, Any] = {
        "type": f"urn:citygate:problem:{code}",
        "title": STATUS_PHRASES[status],
        "status": status,
        "instance": record_id(),
        "code": code,
        "reason": code,
    }
    body = json.dumps(document | ({"errors": list(errors)} if errors else {}), ensure_ascii=True)
    return Response(body, status, mimetype="application/problem+json")


def forbid_caching(answer: Response) -> Response:
    """Nothing of a desk is kept by a cache or guessed at by a browser, unless the view says otherwise."""
    answer.headers.setdefault("cache-control", "no-store")
    answer.headers.setdefault("x-content-type-options", "nosniff")
    return answer


class Rest(Api):  # type: ignore[misc]  # flask-smorest is untyped
    """flask-smorest with the door's refusals instead of its own."""

    def _register_error_handlers(self) -> None:
        super()._register_error_handlers()
        # JSON nested deeper than Python goes
        self._app.register_error_handler(RecursionError, lambda _: self.handle_http_exception(BadRequest()))

    def handle_http_exception(self, error: HTTPException) -> Response:
        """Called for whatever Flask and webargs refuse. Raises RouteUnknown and MethodRefused, which the door tells."""
        if isinstance(error, NotFound):
            raise RouteUnknown from error
        if isinstance(error, MethodNotAllowed):
            raise MethodRefused(allowed=error.valid_methods or ()) from error
        status = error.code or 500
        places = getattr(error, "data", {}).get("messages", {})  # webargs: {"json": {field: [text, …]}}
        fields = {field for place in places.values() if isinstance(place, dict) for field in place}
        return problem(
            status, "request-invalid", [{"field": _plain(field), "code": "invalid"} for field in sorted(fields)]
        )


def _plain(field: str) -> str:
    """A field's name as it may be said back: unknown ones are the sender's own text."""
    return field if field.isidentifier() and field.isascii() else "?"
