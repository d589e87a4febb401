"""Publishing, apps and sharing, by desk and API alike: in whose name, for whom one speaks, what the record says."""

from collections.abc import Callable, Mapping
from datetime import datetime

from authz.lease import Receipt
from authz.offices import DEPARTMENT_ADMINISTRATOR, STAFF, THREE
from authz.policy import PolicySet
from catalogue.app_key import App
from catalogue.described import PURPOSE_CHARS, wrong_with_text
from catalogue.resource import Resource
from catalogue.room import Catalogue
from catalogue.share import Asked, Share
from console.shell.terms import wrong_with_until
from gateway.local import exchange

LONGEST_DAYS = 366  # of a share


class Sharing:
    """What may be done in this room, by whoever sent the current request."""

    def __init__(
        self,
        room: Catalogue,
        *,
        policies: Callable[[], PolicySet],
        effective: Callable[[int], Receipt],
        clock: Callable[[], datetime],
    ) -> None:
        """`effective(epoch)` waits until every gateway decides by it."""
        self.room, self._policies, self._effective, self.clock = room, policies, effective, clock

    def administers(self, department: str) -> bool:
        """Whether the reader is an administrator of this department."""
        return DEPARTMENT_ADMINISTRATOR in self._roles(department)

    def speaks_for(self, department: str) -> bool:
        """Whether the reader may ask for this department's apps: works there, or administers it.

        The three administrators (三员) use no data.
        """
        roles, mine = set(self._roles(department)), exchange().recorded.identity.department == department
        return DEPARTMENT_ADMINISTRATOR in roles or (mine and STAFF in roles and not THREE & roles)

    def publish(
        self, described: Mapping[str, str], *, department: str, system: str, path: str
    ) -> tuple[Resource, Receipt]:
        """Raises as `Resources.publish`."""
        talk = exchange()
        made, epoch = self.room.resources.publish(
            described, department=department, system=system, path=path, actor=talk.recorded.identity.subject,
            record=talk.recorded.inbound.id, told=talk.recorded.notes,
        )  # fmt: skip
        talk.recorded.notes.update({"resource": made.resource, "system": system, "path": path, "label": made.label})
        return made, self._effective(epoch)

    def renew(self, resource: str, described: Mapping[str, str], *, department: str) -> Resource:
        """Raises as `Resources.renew`."""
        talk = exchange()
        made = self.room.resources.renew(
            resource, described, department=department, actor=talk.recorded.identity.subject,
            record=talk.recorded.inbound.id, told=talk.recorded.notes,
        )  # fmt: skip
        talk.recorded.notes.update({"resource": resource, "version": made.version})
        return made

    def withdraw(self, resource: str, *, department: str) -> tuple[Resource, Receipt]:
        """Raises as `Resources.withdraw`."""
        talk = exchange()
        over, epoch = self.room.resources.withdraw(
            resource, department=department, actor=talk.recorded.identity.subject,
            record=talk.recorded.inbound.id, told=talk.recorded.notes,
        )  # fmt: skip
        talk.recorded.notes.update({"resource": resource})
        return over, self._effective(epoch)

    def create_app(self, name: str, *, department: str) -> tuple[App, str]:
        """The app and its secret. Raises as `Apps.create`."""
        talk = exchange()
        made, secret = self.room.apps.create(
            name, department_id=department, actor=talk.recorded.identity.subject, record=talk.recorded.inbound.id,
            told=talk.recorded.notes,
        )  # fmt: skip
        talk.recorded.notes.update({"app": made.id})
        return made, secret

    def end_app(self, app: str, *, department: str) -> tuple[App, Receipt]:
        """Raises as `Apps.end`."""
        talk = exchange()
        over, epoch = self.room.apps.end(
            app, department_id=department, actor=talk.recorded.identity.subject, record=talk.recorded.inbound.id,
            told=talk.recorded.notes,
        )  # fmt: skip
        talk.recorded.notes.update({"app": app})
        return over, self._effective(epoch)

    def give(self, resource: str, *, department: str, app: str, purpose: str, until: datetime) -> tuple[Share, Receipt]:
        """The act that the owner approved at the door. Raises as `Shares.give`."""
        talk = exchange()
        asked = Asked(
            resource=resource, department=department, app=app, purpose=purpose, until=until,
            actor=talk.recorded.identity.subject, approver=talk.recorded.inbound.approver,
            record=talk.recorded.inbound.id,
        )  # fmt: skip
        made, epoch = self.room.shares.give(asked, speaks_for=self.speaks_for, told=talk.recorded.notes)
        talk.recorded.notes.update({"share": made.id, "resource": resource, "app": app, "purpose": purpose})
        talk.recorded.notes.update({"until": until.isoformat(timespec="seconds")})
        return made, self._effective(epoch)

    def end(self, share: str, *, owner: str = "", user: str = "", of: str) -> tuple[Share, Receipt]:
        """Raises as `Shares.end`."""
        talk = exchange()
        over, epoch = self.room.shares.end(
            share, owner=owner, user=user, of=of, actor=talk.recorded.identity.subject,
            record=talk.recorded.inbound.id, told=talk.recorded.notes,
        )  # fmt: skip
        talk.recorded.notes.update({"share": share, "resource": over.resource, "app": over.app})
        return over, self._effective(epoch)

    def _roles(self, department: str) -> list[str]:
        return self._policies().roles_held(exchange().recorded.identity.subject, department, self.clock())


def wrong_with_ask(*, purpose: str, until: datetime | None, now: datetime) -> list[dict[str, str]]:
    """What cannot be accepted of a share that is asked for."""
    wrong = wrong_with_text(purpose, field="purpose", longest=PURPOSE_CHARS)
    return [*wrong, *wrong_with_until(until, now=now, days=LONGEST_DAYS)]
