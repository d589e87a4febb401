"""`/api/v1/departments/{department}/people`: people of a department tree, and their roles."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Response
from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import RAISE, Schema, fields, validate

from audit.event import timestamp
from authz.administer import Administration, Held
from authz.label import Label
from authz.lease import Receipt
from authz.offices import clearance_for
from console.people.acts import give, person_in, take_back
from console.shell.act import check_csrf
from console.shell.problem import problem
from console.shell.receipts import receipt_json
from console.shell.terms import REASON_CHARS, wrong_with_terms
from idp.directory import PAGE_PEOPLE, Directory, subtree

_PEOPLE = "/api/v1/departments/<department>/people"
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
            return _assignment(given) | {"receipt": receipt_json(effective(epoch))}, 201

    @routes.route("/<assignment>")
    class OneAssignment(MethodView):
        def delete(self, department: str, person: str, assignment: str) -> dict[str, Any]:
            """Take it back; answers when it is effective at every gateway."""
            check_csrf()
            person_in(directory, department, person)
            taken, epoch = take_back(administration, assignment, person=person, department=department)
            return _assignment(taken) | {"receipt": receipt_json(effective(epoch))}

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
