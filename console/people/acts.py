"""Giving and taking back a role, by the desk and the API alike: whom they see, and what the outcome record says."""

from datetime import datetime

from authz.administer import Administration, Held
from authz.label import Label
from gateway.local import exchange
from idp.directory import Directory, Person, subtree
from idp.errors import PersonUnknown


def person_in(directory: Directory, department: str, identifier: str) -> tuple[Person, frozenset[str]]:
    """The person, if she works in `department` or below it, and all these departments.

    Elsewhere nobody is to be seen. Raises PersonUnknown.
    """
    found, inside = directory.person(identifier), subtree(directory.departments(), department)
    if found.department not in inside:
        raise PersonUnknown
    return found, inside


def give(
    administration: Administration,
    *,
    person: str,
    role_id: str,
    department: str,
    clearance: Label,
    expires_at: datetime,
    reason: str,
) -> tuple[Held, int]:
    """Give a role in the name of who asked; return the assignment and its epoch. Raises as `assign` does."""
    talk = exchange()
    given, epoch, witness = administration.assign(
        actor=talk.recorded.identity.subject,
        subject=person,
        role_id=role_id,
        department=department,
        clearance=clearance,
        expires_at=expires_at,
        reason=reason,
        record=talk.recorded.inbound.id,
    )
    talk.recorded.notes.update(
        {
            "assignment": given.id,
            "role": given.role,
            "person": person,
            "reason": given.reason,
            **witness,
        }
    )
    return given, epoch


def take_back(administration: Administration, assignment: str, *, person: str, department: str) -> tuple[Held, int]:
    """Take it back in the name of who asked; return it and its epoch. Raises as `revoke` does."""
    talk = exchange()
    taken, epoch, witness = administration.revoke(
        assignment,
        actor=talk.recorded.identity.subject,
        subject=person,
        department=department,
        record=talk.recorded.inbound.id,
    )
    talk.recorded.notes.update({"assignment": taken.id, "role": taken.role, "person": person, **witness})
    return taken, epoch
