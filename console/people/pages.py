"""The people desk: the people of a department tree, and the roles given to one of them."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from flask import request
from werkzeug import Response

from authz.administer import Administration
from authz.errors import AlreadyHeld, MayNotGrant, SeparationOfDuty
from authz.lease import Receipt
from console.people.acts import give_role, person_in, take_role_back
from console.people.forms import read_role_form
from console.people.person_page import PersonPage
from console.shell.act import current_act, reader
from console.shell.frame import Frame
from console.shell.names import name_in
from console.shell.problem import form_status
from console.shell.views import PageViews
from gateway.problems import problem_of
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
        clock: Callable[[], datetime],
    ) -> None:
        self._frame, self._directory, self._administration = frame, directory, administration
        self._effective, self._clock = effective, clock

    def blueprint(self) -> PageViews:
        """All of them, by path."""
        views = PageViews("department", __name__, url_prefix="/departments/{department}/people")
        views.get("")(self.people)
        views.get("/{person}")(self.person)
        views.post("/{person}/assignments")(self.assign)
        views.post("/{person}/assignments/{assignment}/revoke")(self.revoke)
        return views

    def people(self, department: str) -> Response:
        """One page of the people in this department and below it."""
        tree, roles, lang = self._directory.departments(), self._administration.roles(), self._frame.lang()
        inside = subtree(tree, department)
        q, after = request.args.get("q", "")[:64], (request.args.get("name", ""), request.args.get("after", ""))
        people = self._directory.people(inside, starts=q, after=after)
        roles_of = self._administration.roles_of([person.id for person in people], inside=inside)
        full = len(people) == PAGE_PEOPLE
        last = {"q": q, "name": people[-1].name, "after": people[-1].id} if full else {}
        return self._frame.page(
            "people.html",
            department={"name": name_in(tree[department], lang)},
            tree=[_branch(tree, reader().department, department, lang)],
            q=q,
            people=[
                {
                    "name": person.name,
                    "login": person.login,
                    "unit": name_in(tree[person.department], lang) if person.department else "",
                    "roles": [name_in(roles[role], lang) for role in roles_of.get(person.id, ())],
                    "href": f"/departments/{department}/people/{person.id}",
                }
                for person in people
            ],
            next_url=f"?{urlencode(last)}" if full else None,
        )

    def person(self, department: str, person: str) -> Response:
        """One person: what she holds in this department and below, and what I may give her."""
        subject, _ = person_in(self._directory, department, person)
        return self._show(department, subject, receipt=self._frame.receipts.read(_page_of(department, subject)))

    def assign(self, department: str, person: str) -> Response:
        """Give a role, wait for every gateway, and show the receipt."""
        act = current_act()
        subject, inside = person_in(self._directory, department, person)
        form = read_role_form(request.form, now=self._clock())
        if form.terms is None:
            return self._show(department, subject, errors=form.errors, filled=request.form)
        try:
            new, receipt = give_role(
                self._administration, self._effective, act, person=subject.id, inside=inside, terms=form.terms
            )
        except SeparationOfDuty as conflict:
            roles = {"asked": conflict.role, "held": conflict.excludes, "rule": "GB/T 22239-2019 8.1.5"}
            return self._show(
                department, subject, conflict=roles, filled=request.form, status=problem_of(conflict).status
            )
        except (MayNotGrant, AlreadyHeld) as refusal:
            problem = problem_of(refusal)
            errors = [{"field": "role", "code": problem.code}]
            return self._show(department, subject, errors=errors, filled=request.form, status=problem.status)
        return self._frame.receipts.redirect_with(_page_of(department, subject), "given", receipt, id=new.id)

    def revoke(self, department: str, person: str, assignment: str) -> Response:
        """Take a role back, wait for every gateway, and show the receipt."""
        act = current_act()
        subject, _ = person_in(self._directory, department, person)
        old, receipt = take_role_back(
            self._administration, self._effective, act, assignment, person=subject.id, department=department
        )
        return self._frame.receipts.redirect_with(_page_of(department, subject), "taken-back", receipt, id=old.id)

    def _show(self, department: str, person: Person, *, status: int | None = None, **shown: Any) -> Response:
        """The person's page with what is `shown` beside; without a `status`, that of its form."""
        tree, identity = self._directory.departments(), reader()
        ever = self._administration.assignments_of(person.id, inside=subtree(tree, department), ever=True)
        page = PersonPage(
            lang=self._frame.lang(),
            department=department,
            person=person,
            tree=tree,
            roles=self._administration.roles(),
            may={right.role: right for right in self._administration.rights_of(identity.subject)},
            ever=ever,
            names=self._directory.names([who for held in ever for who in (held.given_by, held.revoked_by or "")]),
            now=self._clock(),
        )
        status = form_status(shown.get("errors", ())) if status is None else status
        return self._frame.page("person.html", status=status, csrf=identity.csrf, **page.context(**shown))


def _page_of(department: str, person: Person) -> str:
    return f"/departments/{department}/people/{person.id}"


def _branch(tree: Mapping[str, Department], root: str, current: str, lang: str) -> dict[str, Any]:
    """The reader's own part of the tree, as links."""
    children = sorted(node.id for node in tree.values() if node.parent == root)
    return {
        "name": name_in(tree[root], lang),
        "href": f"/departments/{root}/people",
        "current": root == current,
        "children": [_branch(tree, child, current, lang) for child in children],
    }
