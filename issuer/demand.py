"""What an authorization request asks of the sign-in: how well proven, how fresh, with or without a page."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from issuer.sign_on import SignOn

_PASSWORD, _SECOND_FACTOR = 2, 3
_MAX_AGE_DIGITS = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """OIDC Core §3.1.2.1: `acr_values`, `prompt`, `max_age`."""

    assurance: int
    is_fresh_wanted: bool
    max_age: timedelta | None

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> "Demand":
        """Read the query of an authorization request; a `max_age` that cannot be read allows no age at all."""
        max_age = query.get("max_age")
        is_number = max_age is not None and max_age.isascii() and max_age.isdigit() and len(max_age) <= _MAX_AGE_DIGITS
        return cls(
            assurance=_SECOND_FACTOR if "3" in query.get("acr_values", "").split() else _PASSWORD,
            is_fresh_wanted=bool({"login", "select_account"} & set(query.get("prompt", "").split())),
            max_age=None if max_age is None else timedelta(seconds=int(max_age) if is_number else 0),
        )

    def takes_password_of(self, session: SignOn, now: datetime) -> bool:
        """Whether the password behind `session` is fresh enough."""
        if self.is_fresh_wanted:
            return False
        return self.max_age is None or now - session.auth_time < max(self.max_age, timedelta(microseconds=1))

    def is_reached_by(self, session: SignOn) -> bool:
        """Whether `session` is proven well enough."""
        return session.assurance >= self.assurance
