"""Who may no longer be signed in, because somebody changed that in Keycloak itself (its admin events)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from idp.errors import IssuerAdministrationUnavailable
from idp.keycloak.admin import Admin
from idp.keycloak.realm import REALM

OVERLAP = timedelta(minutes=1)  # between clocks, and for an event that was still being written
PAGE, MAX_PAGES = 500, 40
PASSWORD_RESET = "password-reset"  # noqa: S105 - the name of an act
_ENDING = {"DELETE": "deleted", "UPDATE": "disabled", "ACTION": PASSWORD_RESET}
_RESET = "reset-password"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountChange:
    """What was done to somebody: `deleted`, `disabled`, or `password-reset`."""

    sub: str
    what: str
    at: datetime  # by Keycloak's clock; a password-reset ends the sessions that began before


def changed_since(admin: Admin, since: datetime) -> list[AccountChange]:
    """Everybody whose sessions must end for what was done to their account at Keycloak since (less OVERLAP), once each.

    Somebody who was disabled and enabled again is not among them. May name the same person again and again for as long
    as OVERLAP lasts: ending twice is ending once. Needs `view-events` and `view-users`. Raises
    IssuerAdministrationUnavailable: also while Keycloak does not keep admin events, because then nothing is known.
    """
    kept = admin.get(f"{REALM}/events/config")
    if not kept or not kept.get("adminEventsEnabled"):
        raise IssuerAdministrationUnavailable("admin events are not kept")
    found: dict[str, AccountChange] = {}
    for event in _events(admin, since - OVERLAP):  # newest first
        change = _change(event)
        if change is not None and change.sub not in found and _counts(admin, change):
            found[change.sub] = change
    return list(found.values())


def _events(admin: Admin, since: datetime) -> list[dict[str, Any]]:
    query = {
        "resourceTypes": "USER",
        "operationTypes": sorted(_ENDING),
        "dateFrom": int(since.timestamp() * 1000),
        "max": PAGE,
    }
    events: list[dict[str, Any]] = []
    for page in range(MAX_PAGES):
        found = admin.get(f"{REALM}/admin-events", first=page * PAGE, **query)
        events += found
        if len(found) < PAGE:
            return events
    raise IssuerAdministrationUnavailable(f"more than {MAX_PAGES * PAGE} admin events since the last look")


def _change(event: dict[str, Any]) -> AccountChange | None:
    """What an event on `users/SUB` or `users/SUB/reset-password` may mean."""
    kind, _, rest = event["resourcePath"].partition("/")
    sub, _, verb = rest.partition("/")
    operation = event["operationType"]
    if kind != "users" or not sub or verb != (_RESET if operation == "ACTION" else ""):
        return None
    at = datetime.fromtimestamp(event["time"] / 1000, UTC)
    return AccountChange(sub=sub, what=_ENDING[operation], at=at)


def _counts(admin: Admin, change: AccountChange) -> bool:
    """An account was updated: only if it is disabled now, or gone."""
    if change.what != _ENDING["UPDATE"]:
        return True
    account = admin.get(f"{REALM}/users/{change.sub}")
    return account is None or not account.get("enabled")
