"""The second person's desk: what waits for me, what I asked for, what I decided; and where it is decided."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from flask import Response, jsonify, redirect
from flask import request as flask_request
from werkzeug import Response as Answer

from authz.park import ParkedRequest
from authz.second_person import SecondPerson
from console.requests.acts import decide_request, find_request_at
from console.requests.address_names import AddressNames
from console.requests.answers import describe_request, people_in, request_json
from console.requests.forms import read_verdict, wrong_with_verdict
from console.requests.request_list import RequestList
from console.shell.act import current_act, current_request, reader, wants_page
from console.shell.frame import Frame
from console.shell.problem import form_status, refuse_with
from console.shell.views import PageViews
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
        places: AddressNames,
    ) -> None:
        self._frame, self._second_person, self._requests = frame, second_person, requests
        self._places = places
        self._directory, self._approval_paths = directory, [route.path for route in routes if route.approves]

    def blueprint(self) -> PageViews:
        """All of them, by path."""
        views = PageViews("requests", __name__)
        views.get("/requests")(self.show_lists)
        for number, path in enumerate(self._approval_paths):
            views.add_url_rule(path, f"decide-{number}", self.decide, methods=["POST"])
        return views

    def show_lists(self) -> Response:
        """The page, for everybody."""
        return self._show()

    def decide(self, request: str, **_place: str) -> Answer:
        """Approve or reject; behind a page's path and its API's alike, so it answers as whoever asks shows it."""
        act, here = current_act(), current_request()
        verdict = read_verdict(flask_request.get_json(silent=True) if flask_request.is_json else flask_request.form)
        parked = find_request_at(
            self._second_person, act, request, host=here.inbound.host, path=here.inbound.path, action=here.action
        )
        if wrong := wrong_with_verdict(parked, verdict):
            beside = wrong | {"field": f"{wrong['field']}-{parked.id}"}  # the page has a form for each request
            return self._show(errors=[beside]) if wants_page() else refuse_with("request-invalid", [wrong])
        decided = decide_request(self._second_person, act, parked.id, verdict)
        return redirect("/requests", 303) if wants_page() else jsonify(request_json(decided, reader()))

    def _show(self, *, errors: Sequence[Mapping[str, str]] = ()) -> Response:
        identity = reader()
        after = {name: flask_request.args.get(name, "")[:26] for name in _CURSORS}
        lists = {
            "waiting": self._requests.list_waiting(identity, after=after["waiting"]),
            "asked": self._requests.list_asked_by(identity, before=after["asked"]),
            "decided": self._requests.list_decided_by(identity, before=after["decided"]),
        }
        names = self._directory.names(people_in(request for page in lists.values() for request in page.requests))

        def rows(requests: Sequence[ParkedRequest]) -> list[dict[str, Any]]:
            described = [describe_request(request, identity, names) for request in requests]
            return self._places.add_names(described, self._frame.lang())

        step_up = f"{LOGIN_PATH}?{urlencode({'return_to': '/requests', 'assurance': STEP_UP_ASSURANCE})}"
        return self._frame.page(
            "requests.html",
            status=form_status(errors),
            errors=errors,
            csrf=identity.csrf,
            lists={name: rows(page.requests) for name, page in lists.items()},
            next={name: f"?{urlencode({name: page.cursor})}" for name, page in lists.items() if page.cursor},
            stronger=lists["waiting"].stronger,
            step_up_url=step_up,
        )
