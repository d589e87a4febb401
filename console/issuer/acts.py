"""Bringing the issuer to what the city wants of it."""

from collections.abc import Callable, Sequence

from idp.keycloak.drift import Drift
from storage.act import Act

_CHANGES_NAMED = 20  # in a record


def mend_issuer(apply: Callable[[], Sequence[Drift]], act: Act) -> Sequence[Drift]:
    """Bring the issuer to what it should be; return what was other before. Raises as `apply`."""
    before = apply()
    act.note({"mended": ", ".join(f"{drift.what} {drift.path}".strip() for drift in before[:_CHANGES_NAMED])})
    return before
