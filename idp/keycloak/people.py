"""People in the realm: those it begins with, and their `sub`.

Nobody is mended: what an administrator of Keycloak did to an account since (disabled, deleted, another password) stays.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from idp.keycloak.admin import Admin
from idp.keycloak.realm import REALM


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """Somebody the realm begins with."""

    login: str
    name: str
    password: str = field(repr=False)
    totp_secret: str = field(repr=False)  # base32; "" for none


def enrol(admin: Admin, people: Iterable[Enrolled]) -> list[str]:
    """Make the accounts that are not there yet; their logins. Raises IssuerAdministrationUnavailable."""
    people = list(people)
    known = subjects(admin, [one.login for one in people])
    fresh = [one for one in people if one.login not in known]
    for one in fresh:
        credentials = [{"type": "password", "value": one.password, "temporary": False}]
        credentials += [one_time_code(one.totp_secret)] if one.totp_secret else []
        account = {"username": one.login, "firstName": one.name, "enabled": True, "credentials": credentials}
        admin.post(f"{REALM}/users", account)
    return [one.login for one in fresh]


def subjects(admin: Admin, logins: Iterable[str]) -> dict[str, str]:
    """The `sub` of each login that has an account. Raises IssuerAdministrationUnavailable."""
    found = {login: admin.get(f"{REALM}/users", username=login, exact="true", max=1) for login in logins}
    return {login: accounts[0]["id"] for login, accounts in found.items() if accounts}


def one_time_code(secret: str) -> dict[str, object]:
    """A one-time code as Keycloak imports it (RFC 6238: SHA-1, 6 digits, 30 s)."""
    terms = {"subType": "totp", "digits": 6, "counter": 0, "period": 30, "algorithm": "HmacSHA1"}
    return {
        "type": "otp",
        "userLabel": "citygate",
        "secretData": json.dumps({"value": secret}),
        "credentialData": json.dumps({**terms, "secretEncoding": "BASE32"}),
    }
