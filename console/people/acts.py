"""Giving a role to a person and taking it back, for the page and the API alike."""

from collections.abc import Callable

from authz.administer import Administration, RoleAssignment, RoleTerms
from authz.errors import MayNotGrant
from authz.lease import Receipt
from idp.directory import Directory, Person, subtree
from idp.errors import PersonUnknown
from storage.act import Act


def person_in(directory: Directory, department: str, identifier: str) -> tuple[Person, frozenset[str]]:
    """Return the person, if she works in `department` or below it, and all these departments.

    Elsewhere nobody is to be seen. Raises PersonUnknown.
    """
    person, inside = directory.person(identifier), subtree(directory.departments(), department)
    if person.department not in inside:
        raise PersonUnknown
    return person, inside


def give_role(
    administration: Administration,
    effective: Callable[[int], Receipt],
    act: Act,
    *,
    person: str,
    inside: frozenset[str],
    terms: RoleTerms,
) -> tuple[RoleAssignment, Receipt]:
    """Give a person a role; return the assignment, and the receipt once every gateway decides by it.

    `inside` are the departments of the desk: a role for any other may not be given there. Raises as
    `Administration.assign`.
    """
    if terms.department not in inside:
        raise MayNotGrant(actor=act.actor, role=terms.role, department=terms.department)
    new, epoch = administration.assign(person, terms, act)
    act.note({"assignment": new.id, "role": new.role, "person": person, "reason": new.reason})
    return new, effective(epoch)


def take_role_back(
    administration: Administration,
    effective: Callable[[int], Receipt],
    act: Act,
    assignment: str,
    *,
    person: str,
    department: str,
) -> tuple[RoleAssignment, Receipt]:
    """Take back what a person holds in `department` or below; return it as it was, and the receipt.

    Raises as `Administration.revoke`.
    """
    old, epoch = administration.revoke(assignment, subject=person, department=department, act=act)
    act.note({"assignment": old.id, "role": old.role, "person": person})
    return old, effective(epoch)
