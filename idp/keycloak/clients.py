"""The realm's clients, and whatever else could let somebody in: how each is read from Keycloak, and written."""

from collections.abc import Mapping
from typing import Any

from idp.errors import IssuerAdministrationUnavailable
from idp.keycloak.admin import Admin
from idp.keycloak.drift import merge
from idp.keycloak.parts import Found, Part, in_order
from idp.keycloak.realm import (
    BUILT_IN,
    CLIENT_ID,
    REALM,
    WATCHER,
    WATCHER_ROLES,
    Plan,
    built_in,
    client,
    client_scopes,
    mappers,
    watcher,
    watcher_scopes,
)

_CLIENTS = f"{REALM}/clients"
_ROLES_OF = "realm-management"
_OVERRIDES = "authenticationFlowBindingOverrides"
_FEDERATION = "org.keycloak.storage.UserStorageProvider"


def client_parts(plan: Plan) -> list[Part]:
    """The door's client, the watcher's, and those every realm is born with."""
    return [
        *(_client_part(client_id, built_in(client_id)) for client_id in BUILT_IN),
        _client_part(CLIENT_ID, client(plan)),
        _scopes_part(CLIENT_ID, client_scopes()),
        _mappers_part(CLIENT_ID, mappers()),
        _client_part(WATCHER, watcher(plan)),
        _scopes_part(WATCHER, watcher_scopes()),
        _mappers_part(WATCHER, {}),
        _roles_part(),
    ]


def stranger_parts() -> list[Part]:
    """Ways in that the plan does not name; `apply` removes them."""
    known = {*BUILT_IN, CLIENT_ID, WATCHER}

    def clients(admin: Admin) -> dict[str, str]:
        return {one["clientId"]: f"{_CLIENTS}/{one['id']}" for one in admin.get(_CLIENTS, max=1000)}

    def strangers(admin: Admin) -> dict[str, str]:
        return {name: place for name, place in clients(admin).items() if name not in known}

    def providers(admin: Admin) -> dict[str, str]:
        place = f"{REALM}/identity-provider/instances"
        return {one["alias"]: f"{place}/{one['alias']}" for one in admin.get(place)}

    def federations(admin: Admin) -> dict[str, str]:
        found = admin.get(f"{REALM}/components", type=_FEDERATION)
        return {one["name"]: f"{REALM}/components/{one['id']}" for one in found}

    named = {"other clients": strangers, "identity providers": providers, "federated directories": federations}
    return [_none_part(what, listed) for what, listed in named.items()]


def _none_part(what: str, listed: Any) -> Part:
    def read(admin: Admin) -> Found:
        return {"names": sorted(listed(admin))}

    def write(admin: Admin, _found: Found) -> None:
        for place in listed(admin).values():
            admin.delete(place)

    return Part(what=what, wanted={"names": []}, read=read, write=write)


def _client_part(client_id: str, wanted: Mapping[str, Any]) -> Part:
    def read(admin: Admin) -> Found:
        found = admin.get(_CLIENTS, clientId=client_id)
        return in_order(found[0]) if found else None

    def write(admin: Admin, found: Found) -> None:
        if found is None:
            admin.post(_CLIENTS, dict(wanted))
        else:
            overridden = dict.fromkeys(found.get(_OVERRIDES, {}), "")  # Keycloak removes what is set to nothing
            admin.put(f"{_CLIENTS}/{found['id']}", {**merge(wanted, found), _OVERRIDES: overridden})

    return Part(what=f"client {client_id}", wanted=wanted, read=read, write=write)


def _is_there(admin: Admin, client_id: str) -> bool:
    return bool(admin.get(_CLIENTS, clientId=client_id))


def _place(admin: Admin, client_id: str) -> str:
    found = admin.get(_CLIENTS, clientId=client_id)
    if not found:
        raise IssuerAdministrationUnavailable(f"client `{client_id}` is gone")
    return f"{_CLIENTS}/{found[0]['id']}"


def _scopes_part(client_id: str, wanted: Mapping[str, list[str]]) -> Part:
    def stated(admin: Admin, kind: str) -> dict[str, str]:
        found = admin.get(f"{_place(admin, client_id)}/{kind}-client-scopes")
        return {one["name"]: one["id"] for one in found}

    def read(admin: Admin) -> Found:
        return {kind: sorted(stated(admin, kind)) for kind in wanted} if _is_there(admin, client_id) else None

    def write(admin: Admin, _found: Found) -> None:
        ids = {one["name"]: one["id"] for one in admin.get(f"{REALM}/client-scopes")}
        for kind, names in wanted.items():
            place, held = f"{_place(admin, client_id)}/{kind}-client-scopes", stated(admin, kind)
            for name in held.keys() - set(names):
                admin.delete(f"{place}/{held[name]}")
            for name in set(names) - held.keys():
                admin.put(f"{place}/{ids[name]}", {})

    return Part(what=f"scopes of {client_id}", wanted=wanted, read=read, write=write)


def _mappers_part(client_id: str, wanted: Mapping[str, Mapping[str, Any]]) -> Part:
    place = "protocol-mappers/models"

    def read(admin: Admin) -> Found:
        if not _is_there(admin, client_id):
            return None
        found = {one["name"]: one for one in admin.get(f"{_place(admin, client_id)}/{place}")}
        return {"names": sorted(found), **found}

    def write(admin: Admin, _found: Found) -> None:
        at = f"{_place(admin, client_id)}/{place}"
        for one in admin.get(at):
            admin.delete(f"{at}/{one['id']}")
        for name, mapper in wanted.items():
            admin.post(at, {"name": name, **mapper})

    return Part(what=f"claims of {client_id}", wanted={"names": sorted(wanted), **wanted}, read=read, write=write)


def _roles_part() -> Part:
    """What the watcher may do: of realm-management two roles, and no others."""

    def account(admin: Admin) -> str:
        user = admin.get(f"{_place(admin, WATCHER)}/service-account-user")
        return f"{REALM}/users/{user['id']}/role-mappings"

    def assigned_roles(admin: Admin) -> dict[str, list[dict[str, Any]]]:
        """Its roles as they are assigned, by where they are assigned."""
        at = account(admin)
        found = admin.get(at)
        roles = {f"{at}/clients/{one['id']}": one["mappings"] for one in found.get("clientMappings", {}).values()}
        return roles | {f"{at}/realm": found.get("realmMappings", [])}

    def read(admin: Admin) -> Found:
        if not _is_there(admin, WATCHER):
            return None
        return {"names": sorted(role["name"] for roles in assigned_roles(admin).values() for role in roles)}

    def write(admin: Admin, _found: Found) -> None:
        at = account(admin)
        for place, roles in assigned_roles(admin).items():
            admin.delete(place, roles)
        container = _place(admin, _ROLES_OF)
        wanted = [admin.get(f"{container}/roles/{name}") for name in WATCHER_ROLES]
        admin.post(f"{at}/clients/{container.rpartition('/')[2]}", wanted)

    return Part(what=f"roles of {WATCHER}", wanted={"names": sorted(WATCHER_ROLES)}, read=read, write=write)
