"""How people prove who they are, as data: a password is level 2, a password and a one-time code are level 3 (RFC 9470).

Pure. A flow is a tree of executions; it is written here, read from Keycloak, and compared as a list in reading order.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from idp.keycloak.realm import SESSION_MAX

FLOW = "citygate"
_PROVEN_SECONDS = str(int(SESSION_MAX.total_seconds()))  # how long a factor counts; the door asks again by `prompt`


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One line of a flow; a name that ends in "/" is a flow inside it."""

    depth: int
    name: str
    requirement: str
    config: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_flow(self) -> bool:
        """Whether others stand inside it."""
        return self.name.endswith("/")


def flow() -> list[Execution]:
    """The browser flow of the realm (Server Administration Guide, "Creating a browser login flow with step-up")."""
    return [
        Execution(depth=0, name="auth-cookie", requirement="ALTERNATIVE"),
        Execution(depth=0, name="citygate-sign-in/", requirement="ALTERNATIVE"),
        *_level("citygate-password/", 2, "auth-username-password-form"),
        *_level("citygate-code/", 3, "auth-otp-form"),
    ]


def _level(name: str, level: int, form: str) -> list[Execution]:
    reached = {"loa-condition-level": str(level), "loa-max-age": _PROVEN_SECONDS}
    return [
        Execution(depth=1, name=name, requirement="CONDITIONAL"),
        Execution(depth=2, name="conditional-level-of-authentication", requirement="REQUIRED", config=reached),
        Execution(depth=2, name=form, requirement="REQUIRED"),
    ]


def as_found(stated: list[dict[str, Any]], configs: Mapping[str, Mapping[str, str]]) -> list[Execution]:
    """What Keycloak states of a flow (AuthenticationExecutionInfoRepresentation), in our words."""
    return [
        Execution(
            depth=one["level"],
            name=f"{one['displayName']}/" if one.get("authenticationFlow") else one["providerId"],
            requirement=one["requirement"],
            config=configs.get(one.get("authenticationConfig", ""), {}),
        )
        for one in stated
    ]


def as_document(executions: list[Execution]) -> dict[str, Any]:
    """What is compared: the order, and each execution by its place."""
    lines: dict[str, Any] = {"order": []}
    inside: list[str] = []
    for one in executions:
        inside[one.depth :] = [one.name]
        place = "".join(inside)
        lines["order"].append(place)
        lines[place] = {"requirement": one.requirement, **({"config": dict(one.config)} if one.config else {})}
    return lines
