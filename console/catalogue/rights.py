"""What the reader may do in a department, by the rules of now: what a page offers, and whose apps one may ask for."""

from collections.abc import Callable
from datetime import datetime

from authz.offices import DEPARTMENT_ADMINISTRATOR, STAFF, THREE
from authz.policy import PolicySet
from console.shell.act import reader


class ReaderRights:
    """Of whoever sent the current request."""

    def __init__(self, policies: Callable[[], PolicySet], clock: Callable[[], datetime]) -> None:
        self._policies, self._clock = policies, clock

    def administers(self, department: str) -> bool:
        """Return whether the reader is an administrator of this department."""
        return DEPARTMENT_ADMINISTRATOR in self._roles(department)

    def speaks_for(self, department: str) -> bool:
        """Return whether the reader may ask for this department's apps: works there, or administers it.

        The three administrators (三员) use no data.
        """
        roles, works_there = set(self._roles(department)), reader().department == department
        return DEPARTMENT_ADMINISTRATOR in roles or (works_there and STAFF in roles and not THREE & roles)

    def _roles(self, department: str) -> list[str]:
        return self._policies().roles_held(reader().subject, department, self._clock())
