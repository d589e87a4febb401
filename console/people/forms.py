"""The form that gives a role: reading it, and what is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from audit.city_time import day_end
from authz.administer import RoleTerms
from authz.label import Label
from authz.offices import clearance_for
from console.shell.terms import wrong_with_terms

BY_ROLE = "role"  # instead of a number: the clearance that the role's desks need
_CLEARANCES = {str(int(label)): label for label in Label}


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleForm:
    """What the form asks for, None where something is wrong with it; and what that is, by field."""

    terms: RoleTerms | None
    errors: list[dict[str, str]]


def read_role_form(form: Mapping[str, str], *, now: datetime) -> RoleForm:
    """Read the form as it was sent at `now`."""
    reason, role = form.get("reason", "").strip(), form.get("role", "")
    until = day_end(form.get("until", ""))
    errors = list(wrong_with_terms(reason=reason, until=until, now=now))
    if not role:
        errors.append({"field": "role", "code": "role-missing"})
    wanted = form.get("clearance", "")
    clearance = clearance_for(role) if wanted == BY_ROLE else _CLEARANCES.get(wanted)
    if clearance is None:
        errors.append({"field": "clearance", "code": "not-grantable"})
    if errors or clearance is None:
        return RoleForm(terms=None, errors=errors)
    terms = RoleTerms(
        role=role, department=form.get("department", ""), clearance=clearance, expires_at=until, reason=reason
    )
    return RoleForm(terms=terms, errors=[])
