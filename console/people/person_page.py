"""One person's page as values for its template: what she holds, what may be given to her, what happened before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audit.city_time import day_after
from authz.administer import Grantable, RoleAssignment
from console.people.forms import BY_ROLE
from console.shell.names import name_in
from console.shell.terms import PRESET_DAYS
from idp.directory import Department, Person, subtree


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonPage:
    """Everything the page is made of, already read."""

    lang: str
    department: str  # whose desk this is
    person: Person
    tree: Mapping[str, Department]
    roles: Mapping[str, Mapping[str, str]]
    may: Mapping[str, Grantable]  # what the reader may give, by role
    ever: Sequence[RoleAssignment]
    names: Mapping[str, str]
    now: datetime

    def context(
        self,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        filled: Mapping[str, str] | None = None,
        conflict: Mapping[str, str] | None = None,
        receipt: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The values of person.html but `page` and `csrf`."""
        current = [held for held in self.ever if held.is_live(self.now)]
        if receipt:
            is_open = receipt["what"] == "given" and any(held.id == receipt["id"] for held in current)
            undo = {"action": f"{self._base}/{receipt['id']}/revoke", "fields": {}}
            receipt = receipt | {"undo": undo if is_open else None}
        unit = name_in(self.tree[self.person.department], self.lang) if self.person.department else ""
        return {
            "person": {"id": self.person.id, "name": self.person.name, "login": self.person.login, "unit": unit},
            "people_url": f"/departments/{self.department}/people",
            "assignments": [self._assignment(held) for held in current],
            "form": self._form(filled or {}) if self.may else None,
            "errors": errors,
            "conflict": conflict,
            "receipt": receipt,
            "history": self._history(),
        }

    @property
    def _base(self) -> str:
        return f"/departments/{self.department}/people/{self.person.id}/assignments"

    def _assignment(self, held: RoleAssignment) -> dict[str, Any]:
        return {
            "role": name_in(self.roles[held.role], self.lang),
            "allows": name_in(self.roles[held.role], self.lang, "allows"),
            "department": name_in(self.tree[held.department], self.lang),
            "clearance": held.clearance,
            "since": held.given_at,
            "by": self.names.get(held.given_by, held.given_by),
            "until": held.expires_at,
            "take_back": f"{self._base}/{held.id}/revoke" if held.role in self.may else None,
        }

    def _form(self, filled: Mapping[str, str]) -> dict[str, Any]:
        inside = sorted(subtree(self.tree, self.department))
        highest = max(right.ceiling for right in self.may.values())
        until = day_after(self.now, PRESET_DAYS)
        preset = {
            "role": "",
            "department": self.department,
            "clearance": BY_ROLE,
            "until": until,
            "reason": "",
        }
        values = {name: filled.get(name, text) for name, text in preset.items()}
        return {
            "action": self._base,
            "roles": [
                {
                    "id": role,
                    "name": name_in(self.roles[role], self.lang),
                    "allows": name_in(self.roles[role], self.lang, "allows"),
                }
                for role in sorted(self.may)
            ],
            "departments": [{"id": node, "name": name_in(self.tree[node], self.lang)} for node in inside],
            "clearances": list(range(1, highest + 1)),
            "filled": values,
        }

    def _history(self) -> list[dict[str, Any]]:
        events = []
        for held in self.ever:
            what = {
                "role": name_in(self.roles[held.role], self.lang),
                "department": name_in(self.tree[held.department], self.lang),
            }
            events.append(what | self._event("given", held.given_at, held.given_by, held.record))
            if held.revoked_at and held.revoked_by and held.revoke_record:
                events.append(what | self._event("taken-back", held.revoked_at, held.revoked_by, held.revoke_record))
        return sorted(events, key=lambda event: event["at"], reverse=True)

    def _event(self, what: str, at: datetime, by: str, record: str) -> dict[str, Any]:
        return {"what": what, "at": at, "by": self.names.get(by, by), "href": f"/audit?request={record}"}
