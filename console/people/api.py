"""`/api/v1/departments/{department}/people`: people of a department tree, and their roles."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from flask import Response
from flask.views import MethodView
from marshmallow import RAISE, Schema, fields, validate

from audit.event import timestamp
from authz.administer import Administration, RoleAssignment, RoleTerms
from authz.label import Label
from authz.lease import Receipt
from authz.offices import clearance_for
from console.people.acts import give_role, person_in, take_role_back
from console.shell.act import current_act
from console.shell.problem import refuse_with
from console.shell.receipts import receipt_json
from console.shell.terms import REASON_CHARS, wrong_with_terms
from console.shell.views import ApiViews
from idp.directory import PAGE_PEOPLE, Directory, subtree

_PEOPLE = "/api/v1/departments/{department}/people"
_ID = validate.Length(min=1, max=63)


class RoleBody(Schema):
    """The role to give, as the API reads it."""

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


def people(directory: Directory) -> ApiViews:
    """The people of a department tree."""
    routes = ApiViews("people", __name__, url_prefix=_PEOPLE)

    @routes.route("")
    class PeopleOfDepartment(MethodView):
        @routes.arguments(PeopleQuery, location="query", unknown=RAISE)
        def get(self, query: dict[str, str], department: str) -> dict[str, Any]:
            """One page of the people in this department and below it."""
            departments = subtree(directory.departments(), department)
            page = directory.people(departments, starts=query["q"], after=(query["name"], query["after"]))
            items = [
                {"id": person.id, "login": person.login, "name": person.name, "department": person.department}
                for person in page
            ]
            more = {"name": page[-1].name, "after": page[-1].id} if len(page) == PAGE_PEOPLE else None
            return {"items": items, "next": more}

    return routes


def assignments(
    directory: Directory,
    administration: Administration,
    effective: Callable[[int], Receipt],
    clock: Callable[[], datetime],
) -> ApiViews:
    """Role assignments in a department tree; another department's people are not to be seen."""
    routes = ApiViews("assignments", __name__, url_prefix=f"{_PEOPLE}/{{person}}/assignments")

    @routes.route("")
    class Assignments(MethodView):
        def get(self, department: str, person: str) -> dict[str, Any]:
            """What this person holds here and below."""
            _, inside = person_in(directory, department, person)
            return {"items": [_assignment(held) for held in administration.assignments_of(person, inside=inside)]}

        @routes.arguments(RoleBody)
        def post(self, body: dict[str, Any], department: str, person: str) -> Response | tuple[dict[str, Any], int]:
            """Give a role; answers when it is effective at every gateway."""
            act = current_act()
            _, inside = person_in(directory, department, person)
            if errors := list(wrong_with_terms(reason=body["reason"], until=body["expires_at"], now=clock())):
                return refuse_with("request-invalid", errors)
            terms = _terms(body, department)
            new, receipt = give_role(administration, effective, act, person=person, inside=inside, terms=terms)
            return _assignment(new) | {"receipt": receipt_json(receipt)}, 201

    @routes.route("/{assignment}")
    class OneAssignment(MethodView):
        def delete(self, department: str, person: str, assignment: str) -> dict[str, Any]:
            """Take it back; answers when it is effective at every gateway."""
            act = current_act()
            person_in(directory, department, person)
            old, receipt = take_role_back(
                administration, effective, act, assignment, person=person, department=department
            )
            return _assignment(old) | {"receipt": receipt_json(receipt)}

    return routes


def _terms(body: Mapping[str, Any], department: str) -> RoleTerms:
    clearance = Label(body["clearance"]) if "clearance" in body else clearance_for(body["role"])
    return RoleTerms(
        role=body["role"],
        department=department,
        clearance=clearance,
        expires_at=body["expires_at"],
        reason=body["reason"],
    )


def _assignment(held: RoleAssignment) -> dict[str, Any]:
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
