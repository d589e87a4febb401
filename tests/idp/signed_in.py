"""Sessions of a city, in any stores: what signs in, looks up and is asked again."""

from collections.abc import Callable
from dataclasses import replace

from crypto.aead import Seal
from idp.errors import SessionUnknown
from idp.relying_party import Completed
from idp.session import Session, Sessions, digest
from storage.ephemeral import Ephemeral
from storage.epoch import EpochSource
from tests.acts import an_act
from tests.idp.people import NOW, CityWithPeople

CONSOLE, MARRIAGE = "console.localhost", "marriage.localhost"
LOGIN = Completed(
    iss="local",
    sub="user:li",
    sid="sid-1",
    name="li",
    assurance=2,
    auth_time=NOW,
    id_token="eyJ.canary.token",
    return_to="/files",
    cookie_name="",
)


class SignedInPeople:
    """Sessions of one city, and logins into it."""

    def __init__(self, city: CityWithPeople, ephemeral: Ephemeral, epochs: EpochSource) -> None:
        self.city, self.ephemeral, self.epochs = city, ephemeral, epochs
        self.asked: list[str] = []  # refresh tokens, as the issuer saw them
        self.answer: Callable[[str], str] = lambda token: token + "'"
        city.add("li", "wang")
        self.sessions = Sessions(
            city.database, ephemeral, Seal(b"s" * 32), epochs=epochs, revalidate=self._revalidate, clock=city.clock,
            mint=city.mint,
        )  # fmt: skip

    def _revalidate(self, token: str) -> str:
        self.asked.append(token)
        return self.answer(token)

    def find(self, cookie: str, *, record: str = "01F") -> Session:
        return self.sessions.find(digest(cookie), record=record)

    def list_ended(self, *, since: int = 0) -> list[str]:
        """The sessions that a gateway would be told of."""
        changes = self.epochs.ask("a gateway", holds=since).changes
        assert changes is not None
        return [change.key for change in changes]

    def begin(self, *, who: str = "li", host: str = CONSOLE, previous: str = "", **login: object) -> str:
        made = replace(LOGIN, **{"auth_time": self.city.clock()} | login)
        return self.sessions.begin(
            made, person_id=f"user:{who}", host=host, address="192.0.2.7", previous=previous, act=an_act(record="01J")
        )

    def kept(self, cookie: str) -> bytes:
        """What the cookie leads to, sealed. Raises KeyError."""
        return self.ephemeral.get({key_of(cookie)})[key_of(cookie)]

    def is_alive(self, cookie: str) -> bool:
        try:
            self.find(cookie)
        except SessionUnknown:
            return False
        return True

    def id(self, cookie: str) -> str:
        return self.find(cookie).id


def key_of(cookie: str) -> str:
    return f"cookie:{digest(cookie).hex()}"
