"""The realm's own parts: how each is read from Keycloak, and written."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from idp.keycloak.admin import Admin
from idp.keycloak.drift import merge
from idp.keycloak.flow import FLOW, Execution, as_document, as_found, flow
from idp.keycloak.realm import REALM, REQUIRED_ACTIONS, enabled_realm, realm, texts, user_profile

Found = Mapping[str, Any] | None
_NO_AGE = "0"  # seconds since the password was given
_SETS = ("enabledEventTypes", "eventsListeners", "redirectUris", "supportedLocales", "webOrigins")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One thing that is compared and mended as a whole."""

    what: str
    wanted: Mapping[str, Any]
    read: Callable[[Admin], Found]  # None: it is not there
    write: Callable[[Admin, Found], None]  # makes it as wanted; is given what was read


def in_order(found: Mapping[str, Any]) -> dict[str, Any]:
    """`found` with what Keycloak gives in any order sorted."""
    return {name: sorted(value) if name in _SETS else value for name, value in found.items()}


def opening_part() -> Part:
    """The realm is enabled."""
    return _realm_part("realm", enabled_realm())


def realm_parts() -> list[Part]:
    """Everything else that is the realm's and no client's."""
    settings = _realm_part("realm settings", realm())  # they name the flow, and clients are checked against them
    return [_flow_part(), settings, _actions_part(), _profile_part(), *map(_texts_part, texts()), _default_role_part()]


def _realm_part(what: str, wanted: Mapping[str, Any]) -> Part:
    def read(admin: Admin) -> Found:
        return in_order(admin.get(REALM))

    def write(admin: Admin, found: Found) -> None:
        admin.put(REALM, merge(wanted, found or {}))

    return Part(what=what, wanted=wanted, read=read, write=write)


def _flow_part() -> Part:
    wanted = as_document(flow())

    def read(admin: Admin) -> Found:
        executions = _executions(admin)
        return None if executions is None else as_document(executions)

    def write(admin: Admin, found: Found) -> None:
        if found is None:
            body = {"alias": FLOW, "providerId": "basic-flow", "topLevel": True, "builtIn": False}
            admin.post(f"{REALM}/authentication/flows", body)
        if found is None or found["order"] != wanted["order"]:
            _rebuild(admin)
        _require(admin)

    return Part(what="sign-in flow", wanted=wanted, read=read, write=write)


def _executions(admin: Admin) -> list[Execution] | None:
    stated = admin.get(f"{REALM}/authentication/flows/{FLOW}/executions")
    if stated is None:
        return None
    ids = (one["authenticationConfig"] for one in stated if "authenticationConfig" in one)
    return as_found(stated, {id_: admin.get(f"{REALM}/authentication/config/{id_}")["config"] for id_ in ids})


def _rebuild(admin: Admin) -> None:
    """Empty the flow and fill it again; meanwhile nobody can sign in."""
    place = f"{REALM}/authentication/flows"
    for one in admin.get(f"{place}/{FLOW}/executions"):
        if one["level"] == 0:
            admin.delete(f"{REALM}/authentication/executions/{one['id']}")
    inside = [FLOW]
    for one in flow():
        parent = inside[one.depth]
        name = one.name.rstrip("/")
        if one.is_flow:
            body = {"alias": name, "type": "basic-flow", "provider": "", "description": ""}
            admin.post(f"{place}/{parent}/executions/flow", body)
            inside[one.depth + 1 :] = [name]
        else:
            admin.post(f"{place}/{parent}/executions/execution", {"provider": name})


def _require(admin: Admin) -> None:
    """Give the executions, which stand in their order, their requirements and configurations."""
    place = f"{REALM}/authentication"
    for stated, one in zip(admin.get(f"{place}/flows/{FLOW}/executions"), flow(), strict=True):
        if stated["requirement"] != one.requirement:
            admin.put(f"{place}/flows/{FLOW}/executions", {**stated, "requirement": one.requirement})
        config = {"alias": f"{FLOW} {one.config.get('loa-condition-level')}", "config": dict(one.config)}
        if kept := stated.get("authenticationConfig"):
            if one.config:
                admin.put(f"{place}/config/{kept}", {"id": kept, **config})
            else:
                admin.delete(f"{place}/config/{kept}")
        elif one.config:
            admin.post(f"{place}/executions/{stated['id']}/config", config)


def _actions_part() -> Part:
    place = f"{REALM}/authentication/required-actions"

    def read(admin: Admin) -> Found:
        on = [one["alias"] for one in admin.get(place) if one["enabled"]]
        ages = {alias: _max_auth_age(admin, f"{place}/{alias}") for alias in REQUIRED_ACTIONS}
        return {"enabled": sorted(on), "max_auth_age": ages}

    def write(admin: Admin, _found: Found) -> None:
        for one in admin.get(place):
            if one["enabled"] != (enabled := one["alias"] in REQUIRED_ACTIONS):
                admin.put(f"{place}/{one['alias']}", {**one, "enabled": enabled})
        for alias in REQUIRED_ACTIONS:
            admin.put(f"{place}/{alias}/config", {"config": {"max_auth_age": _NO_AGE}})

    # else whoever holds a sign-on of the last five minutes sets a new password without the old one
    wanted = {"enabled": sorted(REQUIRED_ACTIONS), "max_auth_age": dict.fromkeys(REQUIRED_ACTIONS, _NO_AGE)}
    return Part(what="required actions", wanted=wanted, read=read, write=write)


def _max_auth_age(admin: Admin, action: str) -> str:
    stated = admin.get(f"{action}/config") or {}
    return str(stated.get("config", {}).get("max_auth_age", ""))


def _profile_part() -> Part:
    place, profile = f"{REALM}/users/profile", user_profile()

    def read(admin: Admin) -> Found:
        stated = admin.get(place)
        found = {one["name"]: one for one in stated["attributes"]}
        required = sorted(name for name, one in found.items() if one.get("required"))
        return {"names": sorted(found), "required": required, **found}

    def write(admin: Admin, _found: Found) -> None:
        admin.put(place, {**admin.get(place), "attributes": list(profile.values())})

    wanted = {"names": sorted(profile), "required": [], **profile}
    return Part(what="user profile", wanted=wanted, read=read, write=write)


def _texts_part(language: str) -> Part:
    place, wanted = f"{REALM}/localization/{language}", texts()[language]

    def read(admin: Admin) -> Found:
        found: dict[str, str] = admin.get(place)
        return found

    def write(admin: Admin, found: Found) -> None:
        for name, text in wanted.items():
            if (found or {}).get(name) != text:
                admin.put_text(f"{place}/{name}", text)

    return Part(what=f"texts {language}", wanted=wanted, read=read, write=write)


def _default_role_part() -> Part:
    """What everybody holds who is in the realm: nothing, so that no token says more than who somebody is."""

    def composites(admin: Admin) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = admin.get(f"{_default_role(admin)}/composites")
        return found

    def read(admin: Admin) -> Found:
        return {"includes": sorted(one["name"] for one in composites(admin))}

    def write(admin: Admin, _found: Found) -> None:
        admin.delete(f"{_default_role(admin)}/composites", composites(admin))

    return Part(what="default role", wanted={"includes": []}, read=read, write=write)


def _default_role(admin: Admin) -> str:
    return f"{REALM}/roles-by-id/{admin.get(REALM)['defaultRole']['id']}"
