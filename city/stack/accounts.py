"""The people of a city that is founded on Keycloak: the realm first, then everybody's account in it."""

from collections.abc import Callable
from datetime import datetime

from city.founding import Person
from city.issuer_administration import administration, plan
from city.settings import Settings
from idp.keycloak.apply import apply
from idp.keycloak.people import Enrolled, enrol, subjects


def keycloak_accounts(settings: Settings, people: list[Person], _clock: Callable[[], datetime]) -> dict[str, str]:
    """Make the realm and the accounts; login → sub. Raises IssuerAdministrationUnavailable."""
    with administration(settings) as admin:
        apply(admin, plan(settings))
        enrol(
            admin,
            (
                Enrolled(login=p["login"], name=p["name"], password=p["password"], totp_secret=p["totp_secret"])
                for p in people
            ),
        )
        return subjects(admin, [p["login"] for p in people])
