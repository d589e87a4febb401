"""A hand on the table of parked requests approves nothing, whatever it says the request misses."""

import sqlalchemy as sa

from authz.store import parked
from tests.acts import an_act
from tests.founded_city import CityDoor

GRADE = "/systems/social/grade"
ANSWERS = {"s_harmed": "society", "s_harm": "serious", "a_harmed": "society", "a_harm": "general", "basis": "x"}


def test_what_was_parked_for_a_second_factor_brings_no_approver(door: CityDoor) -> None:
    weak = door.sign_in("zheng", assurance=2)
    csrf = door.csrf(weak)
    asked = door.ask("POST", GRADE, cookie=weak, form=ANSWERS | {"csrf": csrf}, page=True,
                     headers={"origin": "http://console.localhost:8080"})  # fmt: skip
    assert asked.status in (401, 403), asked
    with door.city.stores.database.transaction() as connection:
        row = connection.execute(sa.select(parked)).mappings().one()
        assert row["missing"] == "assurance"
        forged = {"verdict": "approved", "decided_by": door.ids["feng"]}
        connection.execute(sa.update(parked).values(forged))
    found = door.city.deciding.parking.look(row["id"], subject=door.ids["zheng"], host="console.localhost")
    assert found.approver == ""
    taken = door.city.deciding.parking.take(
        row["id"], host="console.localhost", act=an_act(door.ids["zheng"], record="01X")
    )
    assert taken.approver == ""
