"""The realm this city trusts, as data: everything a sign-in depends on and an administrator could change by hand.

Pure. Names and shapes are those of Keycloak's admin API (26.7). What is not named here is left as Keycloak has it, but
no way in that this file does not name may stand beside it: other clients, identity providers and federated directories
count as drift, too. Roles are the city's own; a realm role opens nothing here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from idp.relying_party import CALLBACK_PATH

REALM = "city"
CLIENT_ID = "citygate"
WATCHER = "citygate-watcher"
LANGUAGES = ("zh-CN", "en")
NAMES = {"zh-CN": "城门 统一身份认证", "en": "citygate sign-in"}
WATCHER_ROLES = ("view-events", "view-users")  # of realm-management: it reads, and changes nothing
BUILT_IN = ("account", "account-console", "admin-cli", "broker", "realm-management", "security-admin-console")
_KEPT_OPEN = "realm-management"  # a container of roles, which nobody signs in to
REQUIRED_ACTIONS = ("UPDATE_PASSWORD",)  # the others would let a password alone enrol a second factor
SESSION_MAX = timedelta(hours=8)  # as long as a session of ours
# Longer than ours (30 min) and the 5 min between two refreshes together: ours ends first, and says so.
SESSION_IDLE = timedelta(minutes=40)
EVENTS_KEPT = timedelta(days=180)  # 网络安全法 第二十一条: six months


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What differs from city to city."""

    origins: tuple[str, ...]  # of every host that signs people in: "http://console.localhost:8080"
    logout_url: str  # where Keycloak says that a session is over
    client_secret: str = field(repr=False)
    watcher_secret: str = field(repr=False)


def realm() -> dict[str, Any]:
    """The realm's own settings (RealmRepresentation)."""
    return {
        "displayName": NAMES["zh-CN"],
        "sslRequired": "external",
        "internationalizationEnabled": True,
        "supportedLocales": sorted(LANGUAGES),
        "defaultLocale": "zh-CN",
        "browserFlow": "citygate",
        **_NOBODY_HELPS_THEMSELVES,
        **_LIFETIMES,
        **_GUESSING,
        **_EVENTS,
        "clientPolicies": {"policies": []},
        "attributes": {
            "acr.loa.map": '{"2":2,"3":3}',
            "adminEventsExpiration": str(int(EVENTS_KEPT.total_seconds())),
        },
        "browserSecurityHeaders": {
            "contentSecurityPolicy": "frame-src 'self'; frame-ancestors 'none'; object-src 'none'; base-uri 'self';",
            "xFrameOptions": "DENY",
            "referrerPolicy": "no-referrer",
            "xContentTypeOptions": "nosniff",
        },
    }


def enabled_realm() -> dict[str, Any]:
    """What comes last (RealmRepresentation): from here on people can sign in."""
    return {"enabled": True}


def texts() -> dict[str, dict[str, str]]:
    """What the sign-in pages say instead of Keycloak's own words, by language."""
    return {language: {"loginTitle": name, "loginTitleHtml": name} for language, name in NAMES.items()}


def user_profile() -> dict[str, Any]:
    """People have a login and a name, and change neither themselves: attributes by name (UPAttribute)."""

    def attribute(name: str, validations: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "name": name,
            "displayName": f"${{{name}}}",
            "validations": dict(validations),
            "permissions": {"view": ["admin"], "edit": ["admin"]},
            "multivalued": False,
        }

    login = {"length": {"min": 2, "max": 64}, "username-prohibited-characters": {}, "up-username-not-idn-homograph": {}}
    named = {"length": {"max": 255}, "person-name-prohibited-characters": {}}
    return {
        "username": attribute("username", login),
        "email": attribute("email", {"email": {}, "length": {"max": 255}}),
        "firstName": attribute("firstName", named),  # the whole name, as it is written: there is no order to get wrong
        "lastName": attribute("lastName", named),
    }


def client(plan: Plan) -> dict[str, Any]:
    """The door: the one client people sign in to (ClientRepresentation)."""
    return {
        **_no_grants(CLIENT_ID, plan.client_secret),
        "name": "citygate",
        "standardFlowEnabled": True,
        "redirectUris": sorted(f"{origin}{CALLBACK_PATH}" for origin in plan.origins),
        "fullScopeAllowed": False,
        "attributes": {
            **_NO_OTHER_GRANTS,
            "pkce.code.challenge.method": "S256",
            "post.logout.redirect.uris": "##".join(sorted(f"{origin}/" for origin in plan.origins)),
            "backchannel.logout.url": plan.logout_url,
            "backchannel.logout.session.required": "true",
            "acr.loa.map": "",  # a client's own would say otherwise than the realm's what a level means
            "default.acr.values": "2",
            "minimum.acr.value": "2",
            "exclude.issuer.from.auth.response": "false",  # RFC 9207
            "use.refresh.tokens": "true",
        },
    }


def client_scopes() -> dict[str, list[str]]:
    """Which claims a token of the door's can carry: `sub`, `auth_time`, `acr`, and the name below."""
    return {"default": ["acr", "basic"], "optional": []}  # no `offline_access`: no session outlives its sign-in


def mappers() -> dict[str, dict[str, Any]]:
    """The door's own claims, by name (ProtocolMapperRepresentation)."""
    config = {
        "user.attribute": "firstName",
        "claim.name": "name",
        "jsonType.label": "String",
        "id.token.claim": "true",
        "access.token.claim": "false",
        "userinfo.token.claim": "false",
        "introspection.token.claim": "false",
    }
    name = {"protocol": "openid-connect", "protocolMapper": "oidc-usermodel-attribute-mapper", "config": config}
    return {"name": name}


def watcher(plan: Plan) -> dict[str, Any]:
    """The account of the job that asks every few seconds who may no longer sign in."""
    return {
        **_no_grants(WATCHER, plan.watcher_secret),
        "name": "citygate watcher",
        "standardFlowEnabled": False,
        "serviceAccountsEnabled": True,
        "redirectUris": [],
        "fullScopeAllowed": True,  # of the two roles it has
        "attributes": {**_NO_OTHER_GRANTS, "use.refresh.tokens": "false"},
    }


def watcher_scopes() -> dict[str, list[str]]:
    """`roles` puts what the watcher may do into its token, where the admin API looks for it."""
    return {"default": ["basic", "roles", "service_account"], "optional": []}


def built_in(client_id: str) -> dict[str, Any]:
    """A client that every realm is born with: closed, or (`admin-cli`) a password alone would be a sign-in."""
    return {"enabled": client_id == _KEPT_OPEN, "directAccessGrantsEnabled": False}


def _no_grants(client_id: str, secret: str) -> dict[str, Any]:
    return {
        "clientId": client_id,
        "enabled": True,
        "protocol": "openid-connect",
        "publicClient": False,
        "bearerOnly": False,
        "clientAuthenticatorType": "client-secret",
        "secret": secret,
        "implicitFlowEnabled": False,
        "directAccessGrantsEnabled": False,
        "serviceAccountsEnabled": False,
        "consentRequired": False,
        "frontchannelLogout": False,
        "webOrigins": [],
        "authenticationFlowBindingOverrides": {},
    }


_NO_OTHER_GRANTS = {
    "oauth2.device.authorization.grant.enabled": "false",
    "oidc.ciba.grant.enabled": "false",
    "standard.token.exchange.enabled": "false",
}
_NOBODY_HELPS_THEMSELVES = {
    "registrationAllowed": False,
    "resetPasswordAllowed": False,
    "rememberMe": False,
    "verifyEmail": False,
    "loginWithEmailAllowed": False,
    "editUsernameAllowed": False,
    "userManagedAccessAllowed": False,
}
_LIFETIMES = {
    "accessTokenLifespan": 300,
    "accessCodeLifespan": 60,
    "accessCodeLifespanUserAction": 300,
    "accessCodeLifespanLogin": 600,  # as long as the door remembers that it sent somebody here
    "ssoSessionIdleTimeout": int(SESSION_IDLE.total_seconds()),
    "ssoSessionMaxLifespan": int(SESSION_MAX.total_seconds()),
    # RFC 9700 §4.14.2 asks for rotation of public clients only; several gateways refreshing at once would end a session
    "revokeRefreshToken": False,
}
_GUESSING = {
    "passwordPolicy": "length(12) and maxLength(128) and notUsername(undefined) and passwordHistory(5)",
    "bruteForceProtected": True,
    "permanentLockout": False,  # anybody could lock anybody out for good
    "bruteForceStrategy": "MULTIPLE",
    "failureFactor": 5,
    "waitIncrementSeconds": 60,
    "maxFailureWaitSeconds": 900,
    "minimumQuickLoginWaitSeconds": 60,
    "quickLoginCheckMilliSeconds": 1000,
    "maxDeltaTimeSeconds": 43200,
    "otpPolicyType": "totp",
    "otpPolicyDigits": 6,
    "otpPolicyPeriod": 30,
    "otpPolicyLookAheadWindow": 1,
    "otpPolicyCodeReusable": False,
}
_EVENTS = {
    "eventsEnabled": True,
    "eventsExpiration": int(EVENTS_KEPT.total_seconds()),
    "eventsListeners": ["jboss-logging"],
    "enabledEventTypes": sorted(
        [
            f"{event}{ending}"
            for event in ("LOGIN", "LOGOUT", "CODE_TO_TOKEN", "REFRESH_TOKEN", "CLIENT_LOGIN", "UPDATE_PASSWORD")
            for ending in ("", "_ERROR")
        ]
        + ["USER_DISABLED_BY_PERMANENT_LOCKOUT", "USER_DISABLED_BY_TEMPORARY_LOCKOUT"]
    ),
    "adminEventsEnabled": True,  # what changes.py reads
    "adminEventsDetailsEnabled": True,
}
