"""A parked request, as a page and the API show it to its reader."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote

from audit.event import timestamp
from authz.errors import ParkedUnknown
from authz.label import ceiling_of
from authz.park import APPROVED, ParkedRequest
from console.requests.fields import fields_of, plain
from gateway.approval import approve_path
from gateway.refuse import RESUME_PATH
from idp.identity import Identity

_TARGET_CHARS = 1024


def describe_request(request: ParkedRequest, reader: Identity, names: Mapping[str, str]) -> dict[str, Any]:
    """One request in words and data. What was typed is shown to whoever's sign-in reaches the object's label.

    `names`: subject id → name. Raises ParkedUnknown for a request that waits for no second person.
    """
    wanted = request.approval_request
    if wanted is None:
        raise ParkedUnknown
    path = request.target.partition("?")[0]
    waits = not request.verdict
    return {
        "id": request.id,
        "who": {"id": request.subject, "name": names.get(request.subject, "")},
        "action": wanted.action,
        "department": wanted.department,
        "object": plain(unquote(wanted.object), _TARGET_CHARS),
        "label": int(wanted.label),
        "asked": f"{request.method} {plain(request.target, _TARGET_CHARS)}".strip(),
        "fields": fields_of(request) if ceiling_of(reader.assurance) >= wanted.label else [],
        "at": request.parked_at,
        "until": request.expires_at,
        "verdict": request.verdict,
        "decided_by": {"id": request.decided_by, "name": names.get(request.decided_by, "")},
        "decided_at": request.decided_at,
        "reason": request.reason,
        "sent_at": request.taken_at,
        "approve": approve_path(path, request.id) if waits and path and reader.subject != request.subject else "",
        "resume": RESUME_PATH + request.id
        if request.verdict == APPROVED and not request.taken_at and reader.subject == request.subject
        else "",
    }


def request_json(request: ParkedRequest, reader: Identity) -> dict[str, Any]:
    """The same as the API shows it: ids instead of names."""
    row = describe_request(request, reader, {})
    moments = {name: timestamp(row[name]) if row[name] else None for name in ("at", "until", "decided_at", "sent_at")}
    fields = [{"name": name, "value": value} for name, value in row["fields"]]
    people = {"subject": row.pop("who")["id"], "decided_by": row["decided_by"]["id"]}
    return row | moments | people | {"fields": fields}


def people_in(requests: Iterable[ParkedRequest]) -> set[str]:
    """Everybody whose name a list of them shows."""
    return {who for request in requests for who in (request.subject, request.decided_by) if who}
