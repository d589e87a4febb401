"""`/api/v1`: what the desks do, for commands and programs; the same door, the same decisions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from flask import Response
from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import RAISE, Schema, fields, validate

from audit.errors import AuditError
from audit.event import timestamp
from audit.log import Log
from audit.reconcile import Reconciled
from authz.administer import Administration, Held
from authz.label import Label
from authz.lease import Receipt
from authz.offices import clearance_for
from console.asked_terms import REASON_CHARS, wrong_with_terms
from console.audit import ask, found, people_asked, read_one, words_asked
from console.given_role import give, person_in, take_back
from console.problem import problem
from console.signin import check_csrf
from console.told import in_full
from gateway.errors import RouteUnknown
from gateway.local import exchange
from idp.directory import PAGE_PEOPLE, Directory, subtree
from idp.keycloak.drift import Drift
from idp.session import Sessions

_PEOPLE = "/api/v1/departments/<department>/people"
_MENDED_NAMED = 20  # in a record
_ID = validate.Length(min=1, max=63)


class Assignment(Schema):
    """A role assignment to be made."""

    role = fields.String(required=True, validate=_ID)
    clearance = fields.Integer(
        validate=validate.Range(1, 5),
        metadata={"description": "without it, what the role's desks need: 3 for an office, else 2"},
    )
    expires_at = fields.AwareDateTime(required=True)
    reason = fields.String(required=True, validate=validate.Length(min=1, max=REASON_CHARS))


class EventQuery(Schema):
    """A search of the log; a name means everybody of that name."""

    who = fields.String(load_default="")
    object = fields.String(load_default="")
    result = fields.String(load_default="")
    since = fields.String(load_default="")
    until = fields.String(load_default="")
    request = fields.String(load_default="")
    cursor = fields.String(load_default="", validate=validate.Regexp(r"(?a:\d{0,15})\Z"))


class PeopleQuery(Schema):
    """One page of people."""

    q = fields.String(load_default="", validate=validate.Length(max=64))
    name = fields.String(load_default="")
    after = fields.String(load_default="")


def people(directory: Directory) -> Blueprint:
    """The people of a department tree."""
    routes = Blueprint("people", __name__, url_prefix=_PEOPLE)

    @routes.route("")
    class People(MethodView):
        @routes.arguments(PeopleQuery, location="query", unknown=RAISE)
        def get(self, query: dict[str, str], department: str) -> dict[str, Any]:
            """One page of the people in this department and below it."""
            departments = subtree(directory.departments(), department)
            page = directory.people(departments, starts=query["q"], after=(query["name"], query["after"]))
            items = [{"id": one.id, "login": one.login, "name": one.name, "department": one.department} for one in page]
            more = {"name": page[-1].name, "after": page[-1].id} if len(page) == PAGE_PEOPLE else None
            return {"items": items, "next": more}

    return routes


def assignments(
    directory: Directory,
    administration: Administration,
    effective: Callable[[int], Receipt],
    clock: Callable[[], datetime],
) -> Blueprint:
    """Role assignments in a department tree; another department's people are not to be seen."""
    routes = Blueprint("assignments", __name__, url_prefix=f"{_PEOPLE}/<person>/assignments")

    @routes.route("")
    class Assignments(MethodView):
        def get(self, department: str, person: str) -> dict[str, Any]:
            """What this person holds here and below."""
            _, inside = person_in(directory, department, person)
            return {"items": [_assignment(one) for one in administration.held(person, inside=inside)]}

        @routes.arguments(Assignment)
        def post(self, body: dict[str, Any], department: str, person: str) -> Response | tuple[dict[str, Any], int]:
            """Give a role; answers when it is effective at every gateway."""
            check_csrf()
            person_in(directory, department, person)
            if errors := list(wrong_with_terms(reason=body["reason"], until=body["expires_at"], now=clock())):
                return problem(422, "request-invalid", errors)
            clearance = Label(body["clearance"]) if "clearance" in body else clearance_for(body["role"])
            asked = {"role_id": body["role"], "clearance": clearance, "expires_at": body["expires_at"]}
            given, epoch = give(administration, person=person, department=department, reason=body["reason"], **asked)
            return _assignment(given) | {"receipt": in_full(effective(epoch))}, 201

    @routes.route("/<assignment>")
    class OneAssignment(MethodView):
        def delete(self, department: str, person: str, assignment: str) -> dict[str, Any]:
            """Take it back; answers when it is effective at every gateway."""
            check_csrf()
            person_in(directory, department, person)
            taken, epoch = take_back(administration, assignment, person=person, department=department)
            return _assignment(taken) | {"receipt": in_full(effective(epoch))}

    return routes


def audit(log: Log, directory: Directory, reconciled: Callable[[], Reconciled]) -> Blueprint:
    """Search and read the log, and hold the rows against it; nothing here changes anything."""
    routes = Blueprint("audit-api", __name__, url_prefix="/api/v1/audit")

    @routes.route("/reconcile")
    class Compared(MethodView):
        def get(self) -> dict[str, Any]:
            """Every row that does not agree with its record."""
            answer = reconciled()
            exchange().detail["found"] = answer.count
            items = [one._asdict() for one in answer.found]
            return {"rows": answer.rows, "recent": answer.recent, "found": answer.count, "items": items}

    @routes.route("/events")
    class Events(MethodView):
        @routes.arguments(EventQuery, location="query", unknown=RAISE)
        def get(self, query: dict[str, str]) -> Response | dict[str, Any]:
            """Newest first, one page; what was asked stands in the record."""
            meant = ask(query, directory, before=query["cursor"])
            exchange().detail.update(words_asked(query) | people_asked(meant.queries))
            if meant.errors:
                return problem(422, "request-invalid", meant.errors)
            leaves, after = found(log, meant.queries)
            return {"items": [_listed(log, leaf) for leaf in leaves], "next_cursor": after}

    @routes.route("/events/<int:leaf>")
    class OneEvent(MethodView):
        def get(self, leaf: int) -> dict[str, Any]:
            """One record with its proof."""
            return _event(log, leaf, with_proof=True)

    return routes


def sessions(held: Sessions, directory: Directory, effective: Callable[[int], Receipt]) -> Blueprint:
    """One's own sessions."""
    routes = Blueprint("sessions", __name__, url_prefix="/api/v1/sessions")

    @routes.route("")
    class Mine(MethodView):
        def get(self) -> dict[str, Any]:
            """Where I am signed in."""
            mine = held.of(exchange().recorded.identity.subject)
            return {
                "items": [{"id": s.id, "started_at": timestamp(s.started_at), "assurance": s.assurance} for s in mine]
            }

        def delete(self) -> dict[str, Any]:
            """Sign out everywhere."""
            check_csrf()
            talk = exchange()
            over, epoch = held.end_all(talk.recorded.identity.subject, directory, record=talk.recorded.inbound.id)
            return {"ended": len(over), "receipt": in_full(effective(epoch))}

    return routes


def issuer(drift: Callable[[], Sequence[Drift]], apply: Callable[[], Sequence[Drift]]) -> Blueprint:
    """The issuer as the city wants it."""
    routes = Blueprint("issuer", __name__, url_prefix="/api/v1/issuer")

    @routes.route("/drift")
    class Found(MethodView):
        def get(self) -> dict[str, Any]:
            """What is other there than it should be."""
            return {"items": [asdict(one) for one in drift()]}

    @routes.route("/apply")
    class Mended(MethodView):
        def post(self) -> dict[str, Any]:
            """Bring it to what it should be; what was mended."""
            check_csrf()
            mended = [asdict(one) for one in apply()]
            named = [f"{one['what']} {one['path']}".strip() for one in mended[:_MENDED_NAMED]]
            exchange().detail["mended"] = ", ".join(named)
            return {"items": mended}

    return routes


def jobs(run: Mapping[str, Callable[[str], int]]) -> Blueprint:
    """What the clock-job runs; each is told under which record."""
    routes = Blueprint("jobs", __name__, url_prefix="/api/v1/jobs")

    @routes.route("/<job>")
    class Job(MethodView):
        def post(self, job: str) -> dict[str, Any]:
            """Run one job now."""
            if job not in run:
                raise RouteUnknown
            return {"job": job, "done": run[job](exchange().recorded.inbound.id)}

    return routes


def _assignment(held: Held) -> dict[str, Any]:
    return {
        "id": held.id,
        "subject": held.subject,
        "role": held.role,
        "department": held.department,
        "clearance": held.clearance,
        "expires_at": timestamp(held.expires_at) if held.expires_at else None,
        "given_by": held.given_by,
        "given_at": timestamp(held.given_at),
        "record": held.record,
    }


def _listed(log: Log, leaf: int) -> dict[str, Any]:
    """One line of a list: what cannot be proven is named, and hides nothing else."""
    try:
        return _event(log, leaf)
    except AuditError as failure:
        return {"leaf": leaf, "code": failure.code}


def _event(log: Log, leaf: int, *, with_proof: bool = False) -> dict[str, Any]:
    verified = read_one(log, leaf)
    event = verified.event
    told: dict[str, Any] = {
        "leaf": leaf,
        "id": event.id,
        "kind": event.kind,
        "at": timestamp(event.at),
        "subject": event.subject,
        "department": event.department,
        "object": event.object,
        "action": event.action,
        "label": event.label,
        "result": event.result,
        "status": event.status,
        "reason": event.reason,
        "rule": event.rule,
        "detail": dict(event.detail),
    }
    if with_proof:
        checkpoint = verified.checkpoint
        told["proof"] = {
            "hash": verified.leaf_hash,
            "path": [sibling.hex() for sibling in verified.path],
            "size": checkpoint.size,
            "root": checkpoint.root.hex(),
            "spool": verified.spool,
            "sequence": verified.sequence,
        }
    return told
