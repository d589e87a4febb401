"""The second person's desk: what waits for me, what I asked for, what I decided; and where it is decided."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, jsonify, request
from flask import redirect as to
from werkzeug import Response as Answer

from authz.errors import ParkedUnknown
from authz.park import Parked
from authz.second_person import SecondPerson
from console.requests.api import item
from console.requests.fields import is_legible
from console.requests.names import Places
from console.requests.request_list import RequestList, people_in, told
from console.shell.act import check_csrf
from console.shell.frame import Frame
from console.shell.problem import problem
from console.shell.terms import wrong_with_reason
from gateway.approval import approved_path
from gateway.local import exchange
from gateway.refuse import LOGIN_PATH, STEP_UP_ASSURANCE
from gateway.routes import Route
from idp.directory import Directory

_CURSORS = ("waiting", "asked", "decided")


class RequestPages:
    """The page, and behind each route that needs a second person the view where one approves or rejects."""

    def __init__(
        self,
        frame: Frame,
        *,
        second_person: SecondPerson,
        requests: RequestList,
        directory: Directory,
        routes: Iterable[Route],
        places: Places,
    ) -> None:
        self._frame, self._second_person, self._requests = frame, second_person, requests
        self._places = places
        self._directory, self._twins = directory, [route.path for route in routes if route.approves]

    def blueprint(self) -> Blueprint:
        """All of them, by path."""
        views = Blueprint("requests", __name__)
        views.get("/requests")(self.all)
        for number, path in enumerate(self._twins):
            views.add_url_rule(
                re.sub(r"\{([a-z]+)\}", r"<\1>", path), f"decide-{number}", self.decide, methods=["POST"]
            )
        return views

    def all(self) -> Response:
        """The page, for everybody."""
        return self._shown()

    def decide(self, request: str, **_place: str) -> Answer:
        """Approve or reject. The door decided about this path, so the request must be for this path and no other."""
        check_csrf()
        talk = exchange()
        inbound, matched = talk.recorded.inbound, talk.recorded.matched
        by, as_page = talk.recorded.identity.subject, "text/html" in (inbound.header(b"accept") or "")
        said, reason = _said()
        found = self._second_person.find(request)
        about = (found.host, found.target.partition("?")[0], found.asked and found.asked.approve_action)
        if about != (inbound.host, approved_path(inbound.path), matched.action):
            raise ParkedUnknown
        talk.recorded.notes.update({"request": found.id, "person": found.subject, "digest": found.digest})
        if wrong := _wrong_with(found, said, reason):
            errors = [wrong | {"field": f"{wrong['field']}-{found.id}"}]
            return self._shown(status=422, errors=errors) if as_page else problem(422, "request-invalid", [wrong])
        if said == "approve":
            found = self._second_person.approve(found.id, by=by, record=inbound.id)
        else:
            found = self._second_person.reject(found.id, by=by, record=inbound.id, reason=reason)
        talk.recorded.notes.update(
            {"verdict": found.verdict, **found.witness} | ({"reason": reason} if said == "reject" else {})
        )
        return to("/requests", 303) if as_page else jsonify(item(found, talk.recorded.identity))

    def _shown(self, *, status: int = 200, errors: Sequence[Mapping[str, str]] = ()) -> Response:
        reader = exchange().recorded.identity
        after = {name: request.args.get(name, "")[:26] for name in _CURSORS}
        lists = {
            "waiting": self._requests.waiting(reader, after=after["waiting"]),
            "asked": self._requests.asked(reader, before=after["asked"]),
            "decided": self._requests.decided(reader, before=after["decided"]),
        }
        names = self._directory.names(people_in(one for listed in lists.values() for one in listed.found))

        def rows(found: Sequence[Parked]) -> list[dict[str, Any]]:
            return self._places.told([told(one, reader, names) for one in found], self._frame.lang())

        step_up = f"{LOGIN_PATH}?{urlencode({'return_to': '/requests', 'assurance': STEP_UP_ASSURANCE})}"
        return self._frame.page(
            "requests.html",
            status=status,
            errors=errors,
            csrf=reader.csrf,
            lists={name: rows(listed.found) for name, listed in lists.items()},
            next={name: f"?{urlencode({name: listed.cursor})}" for name, listed in lists.items() if listed.cursor},
            stronger=lists["waiting"].stronger,
            step_up_url=step_up,
        )


def _said() -> tuple[str, str]:
    """The verdict and the reason, out of a form or out of JSON; anything else is neither."""
    given = request.get_json(silent=True) if request.is_json else request.form
    if not isinstance(given, Mapping):
        return "", ""
    verdict, reason = given.get("verdict", ""), given.get("reason", "")
    return (verdict, reason.strip()) if isinstance(verdict, str) and isinstance(reason, str) else ("", "")


def _wrong_with(found: Parked, said: str, reason: str) -> dict[str, str]:
    if said not in ("approve", "reject"):
        return {"field": "verdict", "code": "verdict-missing"}
    if said == "approve" and not is_legible(found):
        return {"field": "verdict", "code": "fields-hidden"}
    return next(wrong_with_reason(reason), {}) if said == "reject" else {}
