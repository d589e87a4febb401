"""Approving and rejecting what waits for a second person, for the page and the API alike."""

from authz.errors import ParkedUnknown
from authz.park import ParkedRequest
from authz.second_person import SecondPerson
from console.requests.forms import Verdict
from gateway.approval import approved_path
from storage.act import Act


def find_request_at(
    second_person: SecondPerson, act: Act, identifier: str, *, host: str, path: str, action: str
) -> ParkedRequest:
    """Return the parked request that is decided on at `path` of `host` by `action`, and note whose it is.

    The door decided about this path, so a request for any other is unknown here: raises ParkedUnknown.
    """
    request = second_person.find(identifier)
    wanted = request.approval_request
    about = (request.host, request.target.partition("?")[0], wanted and wanted.approve_action)
    if about != (host, approved_path(path), action):
        raise ParkedUnknown
    act.note({"request": request.id, "person": request.subject, "digest": request.digest})
    return request


def decide_request(second_person: SecondPerson, act: Act, identifier: str, verdict: Verdict) -> ParkedRequest:
    """Approve or reject, as a verdict with nothing wrong in it says. Raises as `SecondPerson.approve`."""
    if verdict.approves:
        request = second_person.approve(identifier, act)
        act.note({"verdict": request.verdict})
    else:
        request = second_person.reject(identifier, act, reason=verdict.reason)
        act.note({"verdict": request.verdict, "reason": verdict.reason})
    return request
