"""Make the realm as the plan says, and say where it is not: `drift` only reads, `apply` writes what differs.

Each thing is read, compared with the plan and written where it differs, in an order in which nobody can sign in to a
half-made realm: it is enabled last. A second `apply` finds nothing to do.
"""

from idp.keycloak.admin import Admin
from idp.keycloak.clients import client_parts, stranger_parts
from idp.keycloak.drift import Drift, differences
from idp.keycloak.parts import Part, opening_part, realm_parts
from idp.keycloak.realm import REALM, Plan


def drift(admin: Admin, plan: Plan) -> list[Drift]:
    """Every difference between the realm and the plan; [] if there is none. Raises IssuerAdministrationUnavailable."""
    if admin.get(REALM) is None:
        return [Drift(what="realm", path="", found="absent", wanted="present")]
    return [found for part in _parts(plan) for found in differences(part.what, part.wanted, part.read(admin))]


def apply(admin: Admin, plan: Plan) -> list[Drift]:
    """Mend every difference and return what they were. Raises IssuerAdministrationUnavailable."""
    mended: list[Drift] = []
    if admin.get(REALM) is None:
        admin.post("", {"realm": REALM, "enabled": False})
        mended.append(Drift(what="realm", path="", found="absent", wanted="present"))
    for part in _parts(plan):
        found = part.read(admin)
        if differing := differences(part.what, part.wanted, found):
            part.write(admin, found)
            mended += differing
    return mended


def _parts(plan: Plan) -> list[Part]:
    return [*realm_parts(), *client_parts(plan), *stranger_parts(), opening_part()]
