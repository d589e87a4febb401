"""The realm is as the plan says, or the difference is named, mended, and gone."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from idp.errors import IssuerAdministrationUnavailable
from idp.keycloak.admin import Admin
from idp.keycloak.apply import apply, drift
from idp.keycloak.people import Enrolled, enrol, subjects
from idp.keycloak.realm import BUILT_IN, CLIENT_ID, REALM, WATCHER, WATCHER_ROLES
from tests.stack.keycloak import ADMIN_SECRET, CLIENT_SECRET, WATCHER_SECRET, LiveKeycloak

ROLES_OF = "realm-management"


@pytest.fixture
def mended(live_keycloak: LiveKeycloak) -> Iterator[None]:
    """Afterwards the realm is that of the plan again."""
    yield
    apply(live_keycloak.admin, live_keycloak.plan)


def client(admin: Admin, client_id: str = CLIENT_ID) -> tuple[str, dict[str, object]]:
    (found,) = admin.get(f"{REALM}/clients", clientId=client_id)
    return f"{REALM}/clients/{found['id']}", found


def set_client(admin: Admin, client_id: str = CLIENT_ID, **changed: object) -> None:
    place, found = client(admin, client_id)
    attributes = {**found["attributes"], **changed.pop("attributes", {})}
    admin.put(place, {**found, **changed, "attributes": attributes})


def set_realm(admin: Admin, **changed: object) -> None:
    admin.put(REALM, {**admin.get(REALM), **changed})


def executions(admin: Admin) -> list[dict[str, object]]:
    return admin.get(f"{REALM}/authentication/flows/citygate/executions")


def weaken_flow(admin: Admin) -> None:
    code = next(one for one in executions(admin) if one.get("providerId") == "auth-otp-form")
    admin.put(f"{REALM}/authentication/flows/citygate/executions", {**code, "requirement": "DISABLED"})


def shorten_flow(admin: Admin) -> None:
    code = next(one for one in executions(admin) if one.get("providerId") == "auth-otp-form")
    admin.delete(f"{REALM}/authentication/executions/{code['id']}")


def lengthen_flow(admin: Admin) -> None:
    admin.post(f"{REALM}/authentication/flows/citygate/executions/execution", {"provider": "auth-spnego"})


def lower_level(admin: Admin) -> None:
    level = [one for one in executions(admin) if "authenticationConfig" in one][-1]
    place = f"{REALM}/authentication/config/{level['authenticationConfig']}"
    kept = admin.get(place)
    admin.put(place, {**kept, "config": {**kept["config"], "loa-condition-level": "1"}})


def give_watcher_more(admin: Admin) -> None:
    account = admin.get(f"{client(admin, WATCHER)[0]}/service-account-user")
    container, found = client(admin, ROLES_OF)
    role = admin.get(f"{container}/roles/manage-users")
    admin.post(f"{REALM}/users/{account['id']}/role-mappings/clients/{found['id']}", [role])


def give_everybody_a_role(admin: Admin) -> None:
    role = admin.get(f"{REALM}/roles/offline_access")
    admin.post(f"{REALM}/roles-by-id/{admin.get(REALM)['defaultRole']['id']}/composites", [role])


def add_provider(admin: Admin) -> None:
    body = {"alias": "elsewhere", "providerId": "github", "enabled": True,
            "config": {"clientId": "x", "clientSecret": "canary-provider"}}  # fmt: skip
    admin.post(f"{REALM}/identity-provider/instances", body)


def add_directory(admin: Admin) -> None:
    config = {"vendor": ["other"], "connectionUrl": ["ldap://127.0.0.1:1"], "usersDn": ["o=x"], "editMode": ["READ_ONLY"],
              "authType": ["none"], "usernameLDAPAttribute": ["uid"], "rdnLDAPAttribute": ["uid"],
              "uuidLDAPAttribute": ["uid"], "userObjectClasses": ["person"], "enabled": ["false"]}  # fmt: skip
    body = {"name": "elsewhere", "providerId": "ldap", "providerType": "org.keycloak.storage.UserStorageProvider"}
    admin.post(f"{REALM}/components", {**body, "config": config})


def enable_totp_setup(admin: Admin) -> None:
    place = f"{REALM}/authentication/required-actions/CONFIGURE_TOTP"
    admin.put(place, {**admin.get(place), "enabled": True})


def let_people_rename_themselves(admin: Admin) -> None:
    profile = admin.get(f"{REALM}/users/profile")
    for attribute in profile["attributes"]:
        attribute["permissions"]["edit"] = ["admin", "user"]
    admin.put(f"{REALM}/users/profile", profile)


def claim_another_name(admin: Admin) -> None:
    place = f"{client(admin)[0]}/protocol-mappers/models"
    (found,) = admin.get(place)
    admin.put(f"{place}/{found['id']}", {**found, "config": {**found["config"], "user.attribute": "lastName"}})


def widen_scopes(admin: Admin) -> None:
    (scope,) = [one for one in admin.get(f"{REALM}/client-scopes") if one["name"] == "offline_access"]
    admin.put(f"{client(admin)[0]}/optional-client-scopes/{scope['id']}", {})


BY_HAND: dict[str, tuple[Callable[[Admin], None], str]] = {
    "redirect": (
        lambda admin: set_client(admin, redirectUris=["http://evil.example/*"]),
        "client citygate: redirectUris",
    ),
    "pkce": (
        lambda admin: set_client(admin, attributes={"pkce.code.challenge.method": "plain"}),
        "client citygate: attributes.pkce.code.challenge.method",
    ),
    "direct grant": (
        lambda admin: set_client(admin, directAccessGrantsEnabled=True),
        "client citygate: directAccessGrantsEnabled",
    ),
    "back channel": (
        lambda admin: set_client(admin, attributes={"backchannel.logout.url": "http://evil.example/"}),
        "client citygate: attributes.backchannel.logout.url",
    ),
    "flow override": (
        lambda admin: set_client(
            admin,
            authenticationFlowBindingOverrides={
                "browser": next(
                    one["id"] for one in admin.get(f"{REALM}/authentication/flows") if one["alias"] == "browser"
                )
            },
        ),
        "client citygate: authenticationFlowBindingOverrides",
    ),
    "client secret": (lambda admin: set_client(admin, secret="canary-another"), "client citygate: secret"),
    "admin-cli": (lambda admin: set_client(admin, "admin-cli", enabled=True), "client admin-cli: enabled"),
    "scopes": (widen_scopes, "scopes of citygate: optional"),
    "claims": (claim_another_name, "claims of citygate: name.config.user.attribute"),
    "watcher": (give_watcher_more, f"roles of {WATCHER}: names"),
    "default role": (give_everybody_a_role, "default role: includes"),
    "requirement": (
        weaken_flow,
        "sign-in flow: citygate-sign-in/citygate-code/auth-otp-form.requirement",
    ),
    "shorter flow": (shorten_flow, "sign-in flow: order"),
    "longer flow": (lengthen_flow, "sign-in flow: order"),
    "level": (
        lower_level,
        "sign-in flow: citygate-sign-in/citygate-code/conditional-level-of-authentication.config.loa-condition-level",
    ),
    "other flow": (lambda admin: set_realm(admin, browserFlow="browser"), "realm settings: browserFlow"),
    "password policy": (lambda admin: set_realm(admin, passwordPolicy="length(4)"), "realm settings: passwordPolicy"),
    "brute force": (lambda admin: set_realm(admin, bruteForceProtected=False), "realm settings: bruteForceProtected"),
    "events": (lambda admin: set_realm(admin, adminEventsEnabled=False), "realm settings: adminEventsEnabled"),
    "registration": (lambda admin: set_realm(admin, registrationAllowed=True), "realm settings: registrationAllowed"),
    "closed": (lambda admin: set_realm(admin, enabled=False), "realm: enabled"),
    "required action": (enable_totp_setup, "required actions: enabled"),
    "user profile": (let_people_rename_themselves, "user profile: firstName.permissions.edit"),
    "texts": (
        lambda admin: admin.put_text(f"{REALM}/localization/en/loginTitle", "Other"),
        "texts en: loginTitle",
    ),
    "provider": (add_provider, "identity providers: names"),
    "directory": (add_directory, "federated directories: names"),
    "client": (
        lambda admin: admin.post(f"{REALM}/clients", {"clientId": "evil", "directAccessGrantsEnabled": True}),
        "other clients: names",
    ),
    "client gone": (lambda admin: admin.delete(client(admin, WATCHER)[0]), f"client {WATCHER}: "),
}


def test_a_second_run_changes_nothing(live_keycloak: LiveKeycloak) -> None:
    before = len(live_keycloak.admin.get(f"{REALM}/admin-events", max=2000))
    assert apply(live_keycloak.admin, live_keycloak.plan) == []
    assert drift(live_keycloak.admin, live_keycloak.plan) == []
    assert len(live_keycloak.admin.get(f"{REALM}/admin-events", max=2000)) == before


@pytest.mark.parametrize("what", BY_HAND)
def test_a_change_by_hand_is_named_and_mended(live_keycloak: LiveKeycloak, what: str) -> None:
    admin, plan = live_keycloak.admin, live_keycloak.plan
    change, named = BY_HAND[what]
    change(admin)
    found = drift(admin, plan)
    assert named in [f"{one.what}: {one.path}" for one in found]
    assert all(one.found != one.wanted for one in found)
    assert "canary" not in repr(found)
    assert named in [f"{one.what}: {one.path}" for one in apply(admin, plan)]
    assert drift(admin, plan) == []


def test_people_still_sign_in_after_the_flow_was_rebuilt(live_keycloak: LiveKeycloak) -> None:
    shorten_flow(live_keycloak.admin)
    apply(live_keycloak.admin, live_keycloak.plan)
    assert live_keycloak.somebody().tokens(acr=3)["id_token"]


@pytest.mark.usefixtures("mended")
def test_a_plan_with_another_host_changes_the_addresses_and_nothing_else(live_keycloak: LiveKeycloak) -> None:
    more = replace(live_keycloak.plan, origins=(*live_keycloak.plan.origins, "http://social.localhost:8000"))
    changed = apply(live_keycloak.admin, more)
    assert {one.path for one in changed} == {"redirectUris", "attributes.post.logout.redirect.uris"}


def test_nobody_administers_with_a_password(live_keycloak: LiveKeycloak) -> None:
    assert live_keycloak.admin.get("master/users") == []


def test_everybody_the_realm_is_born_with_is_known(live_keycloak: LiveKeycloak) -> None:
    found = {one["clientId"] for one in live_keycloak.admin.get(f"{REALM}/clients")}
    assert found == {*BUILT_IN, CLIENT_ID, WATCHER}


def test_people_are_enrolled_once_and_never_mended(live_keycloak: LiveKeycloak) -> None:
    someone = Enrolled(login="wu", name="吴芳", password="canary-wu-wu-wu", totp_secret="")
    assert enrol(live_keycloak.admin, [someone]) == ["wu"]
    sub = subjects(live_keycloak.admin, ["wu"])["wu"]
    live_keycloak.admin.put(f"{REALM}/users/{sub}", {"enabled": False})
    assert enrol(live_keycloak.admin, [someone]) == []
    assert live_keycloak.admin.get(f"{REALM}/users/{sub}")["enabled"] is False
    assert subjects(live_keycloak.admin, ["wu", "w", "nobody"]) == {"wu": sub}


def test_the_watcher_reads_people_and_events_and_changes_nothing(live_keycloak: LiveKeycloak) -> None:
    person = live_keycloak.somebody()
    watcher = live_keycloak.as_client(WATCHER, WATCHER_SECRET)
    assert watcher.get(f"{REALM}/users/{person.sub}")["enabled"]
    assert watcher.get(f"{REALM}/admin-events", max=1)
    forbidden = {
        "disable": lambda: watcher.put(f"{REALM}/users/{person.sub}", {"enabled": False}),
        "enrol": lambda: watcher.post(f"{REALM}/users", {"username": "evil"}),
        "events": lambda: set_realm(watcher, adminEventsEnabled=False),
        "role": lambda: give_everybody_a_role(watcher),
        "master": lambda: watcher.get("master/users"),
    }
    for name, attempt in forbidden.items():
        with pytest.raises(IssuerAdministrationUnavailable, match=r"answered 40[13]"):
            pytest.fail(f"{name}: {attempt()}")
    assert watcher.get(f"{REALM}/clients") == []
    assert set(WATCHER_ROLES) == {"view-users", "view-events"}


def test_no_secret_stands_in_an_event_a_log_or_a_plan_that_is_shown(live_keycloak: LiveKeycloak) -> None:
    live_keycloak.somebody()
    events = json.dumps(live_keycloak.admin.get(f"{REALM}/admin-events", max=2000))
    for text in (events, live_keycloak.log.read_text(), repr(live_keycloak.plan)):
        for secret in (ADMIN_SECRET, CLIENT_SECRET, WATCHER_SECRET, "canary-"):
            assert secret not in text
