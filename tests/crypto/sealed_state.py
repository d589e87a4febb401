"""Who is signed in and what is parked over a platform's seal, while its keys come and go."""

from dataclasses import replace

from authz.label import Label
from authz.park import ApprovalRequest, Parking
from authz.request import Missing
from authz.second_person import SecondPerson
from crypto.aead import Seal
from crypto.platform import PlatformSeal
from idp.session import Sessions, digest
from tests.acts import an_act
from tests.crypto.city_keyring import RECORD, CityKeyring
from tests.idp.people import NOW
from tests.idp.signed_in import CONSOLE, LOGIN


class SealedState:
    """People who are signed in and requests that are parked, over a seal that somebody may be rotating."""

    def __init__(self, city_keys: CityKeyring, seal: PlatformSeal | Seal) -> None:
        self.city_keys, self.seal = city_keys, seal
        city = city_keys.city
        self.sessions = Sessions(
            city.database, city_keys.ephemeral, seal, epochs=city_keys.epochs, revalidate=lambda token: token, clock=city.clock,
            mint=city.mint,
        )  # fmt: skip
        self.parking = Parking(city.database, seal, clock=city.clock)
        self.cookies: list[str] = []
        self.parked: list[str] = []

    def over_seal(self, seal: PlatformSeal) -> "SealedState":
        """The same people and requests, over another seal."""
        sealed_state = SealedState(self.city_keys, seal)
        sealed_state.cookies, sealed_state.parked = self.cookies, self.parked
        return sealed_state

    def begin(self, number: int) -> None:
        for at in range(number):
            login = replace(LOGIN, sid=f"sid-{len(self.cookies)}-{at}", auth_time=NOW, refresh_token=f"refresh-{at}")
            self.cookies.append(
                self.sessions.begin(
                    login, person_id="user:li", host=CONSOLE, address="", previous="", act=an_act(record=RECORD)
                )
            )
        wanted = ApprovalRequest(
            department="city", object="/x", action="x:do", approve_action="x:approve", label=Label.L2
        )
        for kind in (None, wanted):
            self.parked.append(
                self.parking.park(
                    subject="user:li", host=CONSOLE, missing=Missing.APPROVER if kind else Missing.ASSURANCE, method="POST",
                    target=f"/x{len(self.parked)}", headers=(), body=b"body", record=self.city_keys.city.mint(), approval_request=kind,
                ).id
            )  # fmt: skip
        SecondPerson(self.parking).approve(self.parked[-1], an_act("user:wang", record=RECORD))

    def check_everything_opens(self) -> None:
        for cookie in self.cookies:
            found = self.sessions.find(digest(cookie), record=RECORD)
            assert found.person == "user:li"
        for one in self.parked:
            assert self.parking.look(one, subject="user:li", host=CONSOLE).body == b"body"
        approved = SecondPerson(self.parking).find(self.parked[-1])
        assert approved.approver == "user:wang"


def states(city_keys: CityKeyring, name: str = "platform") -> list[str]:
    return [str(one.state) for one in city_keys.keyring.key("city", name).versions]
