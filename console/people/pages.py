"""The people desk: the people of a department tree, and the roles given to one of them."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, request
from werkzeug import Response

from audit.city_time import day_end
from authz.administer import Administration, Held
from authz.errors import AlreadyHeld, MayNotGrant, SeparationOfDuty
from authz.label import Label
from authz.lease import Receipt
from authz.offices import clearance_for
from console.people.acts import give, person_in, take_back
from console.people.person_page import BY_ROLE, PersonPage
from console.shell.act import check_csrf
from console.shell.frame import Frame
from console.shell.names import name_in
from console.shell.receipts import Receipts
from console.shell.terms import wrong_with_terms
from gateway.local import exchange
from idp.directory import PAGE_PEOPLE, Department, Directory, Person, subtree


class PeoplePages:
    """The views of a department's administrator; `effective(epoch)` waits until every gateway decides by it."""

    def __init__(
        self,
        frame: Frame,
        *,
        directory: Directory,
        administration: Administration,
        effective: Callable[[int], Receipt],
        receipts: Receipts,
        clock: Callable[[], datetime],
    ) -> None:
        self._frame, self._directory, self._administration = frame, directory, administration
        self._effective, self._receipts, self._clock = effective, receipts, clock

    def blueprint(self) -> Blueprint:
        """All of them, by path."""
        views = Blueprint("department", __name__, url_prefix="/departments/<department>/people")
        views.get("")(self.people)
        views.get("/<person>")(self.person)
        views.post("/<person>/assignments")(self.assign)
        views.post("/<person>/assignments/<assignment>/revoke")(self.revoke)
        return views

    def people(self, department: str) -> Response:
        """One page of the people in this department and below it."""
        tree, roles, lang = self._directory.departments(), self._administration.roles(), self._frame.lang()
        inside = subtree(tree, department)
        q, after = request.args.get("q", "")[:64], (request.args.get("name", ""), request.args.get("after", ""))
        found = self._directory.people(inside, starts=q, after=after)
        held = self._administration.roles_of([one.id for one in found], inside=inside)
        full = len(found) == PAGE_PEOPLE
        last = {"q": q, "name": found[-1].name, "after": found[-1].id} if full else {}
        return self._frame.page(
            "people.html",
            department={"name": name_in(tree[department], lang)},
            tree=[_branch(tree, exchange().recorded.identity.department, department, lang)],
            q=q,
            people=[
                {
                    "name": one.name,
                    "login": one.login,
                    "unit": name_in(tree[one.department], lang) if one.department else "",
                    "roles": [name_in(roles[role], lang) for role in held.get(one.id, ())],
                    "href": f"/departments/{department}/people/{one.id}",
                }
                for one in found
            ],
            next_url=f"?{urlencode(last)}" if full else None,
        )

    def person(self, department: str, person: str) -> Response:
        """One person: what she holds in this department and below, and what I may give her."""
        subject, _ = person_in(self._directory, department, person)
        return self._shown(
            department, subject, receipt=self._receipts.read(f"/departments/{department}/people/{person}")
        )

    def assign(self, department: str, person: str) -> Response:
        """Give a role, wait for every gateway, and show the receipt."""
        check_csrf()
        (subject, inside), form = person_in(self._directory, department, person), request.form
        values, errors = _read(form, now=self._clock())
        if errors:
            return self._shown(department, subject, errors=errors, filled=form)
        try:
            if values["department"] not in inside:
                raise MayNotGrant(actor="", role=values["role_id"], department=values["department"])
            given, epoch = give(self._administration, person=subject.id, **values)
        except SeparationOfDuty as conflict:
            told = {"asked": conflict.role, "held": conflict.excludes, "rule": "GB/T 22239-2019 8.1.5"}
            return self._shown(department, subject, conflict=told, filled=form, status=409)
        except (MayNotGrant, AlreadyHeld) as refused:
            errors = [{"field": "role", "code": refused.code}]
            status = 403 if isinstance(refused, MayNotGrant) else 409
            return self._shown(department, subject, errors=errors, filled=form, status=status)
        return self._done("given", department, subject, given, self._effective(epoch))

    def revoke(self, department: str, person: str, assignment: str) -> Response:
        """Take a role back, wait for every gateway, and show the receipt."""
        check_csrf()
        subject, _ = person_in(self._directory, department, person)
        taken, epoch = take_back(self._administration, assignment, person=subject.id, department=department)
        return self._done("taken-back", department, subject, taken, self._effective(epoch))

    def _done(self, what: str, department: str, person: Person, held: Held, receipt: Receipt) -> Response:
        page = f"/departments/{department}/people/{person.id}"
        return self._receipts.redirect_with(page, what, receipt, id=held.id)

    def _shown(self, department: str, person: Person, *, status: int = 200, **given: Any) -> Response:
        tree, actor = self._directory.departments(), exchange().recorded.identity
        ever = self._administration.held(person.id, inside=subtree(tree, department), ever=True)
        page = PersonPage(
            lang=self._frame.lang(),
            department=department,
            person=person,
            tree=tree,
            roles=self._administration.roles(),
            may={right.role: right for right in self._administration.grantable(actor.subject)},
            ever=ever,
            names=self._directory.names([one for held in ever for one in (held.given_by, held.revoked_by or "")]),
            now=self._clock(),
        )
        status = 422 if given.get("errors") and status == 200 else status
        return self._frame.page("person.html", status=status, csrf=actor.csrf, **page.context(**given))


def _branch(tree: Mapping[str, Department], root: str, current: str, lang: str) -> dict[str, Any]:
    """The reader's own part of the tree, as links."""
    children = sorted(node.id for node in tree.values() if node.parent == root)
    return {
        "name": name_in(tree[root], lang),
        "href": f"/departments/{root}/people",
        "current": root == current,
        "children": [_branch(tree, child, current, lang) for child in children],
    }


def _read(form: Mapping[str, str], *, now: datetime) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """What the form asks for, and what is wrong with it by field."""
    reason = form.get("reason", "").strip()
    until = day_end(form.get("until", ""))
    errors = list(wrong_with_terms(reason=reason, until=until, now=now))
    if not form.get("role"):
        errors.append({"field": "role", "code": "role-missing"})
    clearance = form.get("clearance", "")
    if clearance not in {BY_ROLE, "1", "2", "3", "4", "5"}:
        errors.append({"field": "clearance", "code": "not-grantable"})
    values = {"role_id": form.get("role", ""), "department": form.get("department", ""), "expires_at": until}
    if errors:
        return values, errors
    asked = clearance_for(form["role"]) if clearance == BY_ROLE else Label(int(clearance))
    return values | {"reason": reason, "clearance": asked}, errors
