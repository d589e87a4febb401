"""What public routes mean to the PDP: a rule for everybody, like any other (law 2)."""

from collections.abc import Iterable

from authz.policy import Rule
from authz.request import ANONYMOUS, Effect
from gateway.routes import VARIABLE, Route


def _casbin(pattern: str) -> str:
    """A route's pattern as the policy writes it: `{name}` is `:name`, a `/**` at the end is `/*`."""
    return VARIABLE.sub(r":\1", pattern).replace("**", "*")


def public_rules(routes: Iterable[Route]) -> list[Rule]:
    """The rules of those routes that are public, for the subject `anonymous`."""
    return [
        Rule(
            id=f"public {route.host}{route.path.replace('**', '...')} {action}",  # no id holds a wildcard
            subject=ANONYMOUS,
            department=route.department,
            object=f"/{route.system}{_casbin(route.about or route.path)}",
            action=action,
            effect=Effect.PERMIT,
        )
        for route in routes
        if route.public
        for action in sorted(set(route.actions.values()))
    ]
