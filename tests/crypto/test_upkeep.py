"""The clock-job's work on keys: everybody stays signed in while a version comes, is sealed anew, and goes."""

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from authz import store as authz_store
from crypto import lifecycle, store
from crypto.aead import Seal
from crypto.key_rows import KeyUsage
from crypto.reseal import references, reseal
from idp import store as identity_store
from idp.session import digest
from storage.ephemeral import DatabaseEphemeral
from storage.errors import StorageUnavailable
from storage.shared import RedisEphemeral
from tests.crypto.house import House
from tests.crypto.life import Life, states
from tests.idp.people import NOW, town


@pytest.fixture(params=["sqlite", "postgresql", "postgresql and redis"])
def house(request: pytest.FixtureRequest, tmp_path: Path):
    url = request.getfixturevalue("postgres_url") if request.param != "sqlite" else f"sqlite:///{tmp_path / 'city.db'}"
    with town(url) as city:
        city.add("li", "wang")
        ephemeral = DatabaseEphemeral(city.database, clock=city.clock)
        if "redis" in request.param:
            ephemeral = RedisEphemeral(request.getfixturevalue("redis_client"))  # type: ignore[assignment]
        yield House(city, ephemeral).founded()


def test_an_old_version_is_counted_sealed_anew_and_retires_while_everybody_stays_signed_in(house: House) -> None:
    seal = house.seal()
    life = Life(house, seal)
    life.begin(5)
    house.rotate("platform", "city", seal)
    counted = references(seal, house.places())
    assert counted == {1: 5 * 3 + 2 + 1}, "id tokens, refresh tokens, cookies; two parked, one approved"
    life.begin(2)
    work = house.upkeep(seal)
    told = house.run(work)
    assert (told["resealed"], told["references"]) == (18, 0)
    life.all_is_well()
    assert states(house) == ["decrypt-only", "active"], "a sign-in may be under way in a browser"
    house.city.clock.add(minutes=11)
    with house.city.database.transaction() as connection:  # who is parked for 15 minutes is there still
        connection.execute(sa.update(identity_store.session).values(seen_at=house.city.clock()))
    told = house.run(work)
    assert told["retired platform"] == 1
    seal.reload()
    assert states(house) == ["retired", "active"]
    life.all_is_well()
    assert house.run(work) == {}


def test_what_the_old_format_sealed_is_sealed_anew_too(house: House) -> None:
    life = Life(house, Seal(bytes(32)))
    life.begin(2)
    seal = house.seal()
    life = life.under(seal)
    life.all_is_well()
    house.rotate("platform", "city", seal)
    assert house.run(house.upkeep(seal))["references"] == 0
    house.keyring.retire(house.keyring.key("city", "platform").id, 1, house.act())
    seal.reload()
    life.all_is_well()


def test_a_value_that_changed_or_went_meanwhile_is_left_alone(house: House) -> None:
    seal = house.seal()
    life = Life(house, seal)
    life.begin(1)
    house.rotate("platform", "city", seal)
    for place in house.places():
        kept, _ = place.stale_values(seal.ring.active.header, after="")
        for one in kept:
            assert place.swap(one, b"first")
            assert not place.swap(one, b"second")
    key = f"cookie:{digest(life.cookies[0]).hex()}"
    house.ephemeral.remove(key)
    assert not house.ephemeral.swap(key, b"first", b"raised from the dead")
    assert house.ephemeral.get({key}) == {}


def test_what_somebody_planted_in_the_shared_memory_keeps_no_version_alive(house: House) -> None:
    seal = house.seal()
    old = seal.ring.active.header
    house.rotate("platform", "city", seal)
    for name, value in (("a", old + b"junk"), ("b", b"\x01junk"), ("c", b""), ("d", b"\xff" * 200)):
        house.ephemeral.put(f"cookie:{name}", value, seconds=60)
    told = house.run(house.upkeep(seal))
    assert told["references"] == 0


def test_a_row_that_does_not_open_keeps_its_version_and_is_told(house: House) -> None:
    seal = house.seal()
    life = Life(house, seal)
    life.begin(1)
    house.rotate("platform", "city", seal)
    with house.city.database.transaction() as connection:
        damaged = Seal(bytes(32)).seal(b"x", purpose="another")
        connection.execute(sa.update(authz_store.parked).values(sealed=damaged))
    house.city.clock.add(minutes=11)
    told = house.run(house.upkeep(seal))
    assert (told["unreadable"], told["references"]) == (2, 2)
    assert states(house) == ["decrypt-only", "active"]


def test_a_run_that_has_no_more_time_goes_on_the_next_time(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crypto.reseal.BATCH", 2)
    seal = house.seal()
    life = Life(house, seal)
    life.begin(5)
    house.rotate("platform", "city", seal)
    done = reseal(seal, house.places(), more=lambda: False)
    assert not done.whole
    assert done.resealed + sum(references(seal, house.places()).values()) == 18
    assert house.run(house.upkeep(seal))["references"] == 0
    life.all_is_well()


def test_a_key_that_seals_is_rotated_by_age_and_by_use_and_one_that_signs_is_not(house: House) -> None:
    seal = house.seal()
    for name, usage in (("files", KeyUsage.ENCRYPT), ("busy", KeyUsage.ENCRYPT), ("letters", KeyUsage.SIGN)):
        house.keyring.create("civil", name, usage, house.act())
    busy = house.keyring.key("civil", "busy").id
    with house.city.database.transaction() as connection:
        row = {"version": f"{busy}:1", "day": "2026-02-27", "sealed": lifecycle.MAX_SEALED, "opened": 0}
        connection.execute(sa.insert(store.key_use).values(row))
    work = house.upkeep(seal)
    assert house.run(work)["rotated"] == "civil/busy 2"
    assert "rotated" not in house.run(work)
    house.city.clock.now = NOW + lifecycle.MAX_AGE - timedelta(seconds=1)
    assert "rotated" not in house.run(work)
    house.city.clock.add(seconds=1)
    assert {str(house.run(work).get("rotated")) for _ in range(5)} == {
        "city/platform 2", "civil/files 2", "civil/busy 3", "None",
    }  # fmt: skip
    assert house.keyring.key("civil", "letters").active.number == 1


def test_what_was_done_before_the_job_failed_stands_in_its_record(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    seal = house.seal()
    house.rotate("platform", "city", seal)
    house.city.clock.now = NOW + lifecycle.MAX_AGE

    def no_answer(*_: object, **__: object) -> None:
        raise StorageUnavailable("the database does not answer")

    monkeypatch.setattr("crypto.upkeep.references", no_answer)
    act = house.act()
    with pytest.raises(StorageUnavailable):
        house.upkeep(seal).run(act)
    key = house.keyring.key("city", "platform").id
    assert act.notes["rotated"] == "city/platform 3"
    assert {f"key_version {key}:2", f"key_version {key}:3"} <= act.notes.keys()


def test_uses_are_counted_by_version_and_day_and_told_once(house: House) -> None:
    seal = house.seal()
    sealed = [seal.seal(b"x", purpose="p") for _ in range(3)]
    seal.open(sealed[0], purpose="p")
    house.uses.flush()
    house.rotate("platform", "city", seal)
    seal.seal(b"x", purpose="p")
    house.uses.flush()
    house.uses.flush()
    key = house.keyring.key("city", "platform").id
    assert house.uses.total([f"{key}:1", f"{key}:2"]) == {f"{key}:1": 3, f"{key}:2": 1}
    work = house.upkeep(seal)
    assert not any("2026-03-01" in name for name in house.run(work))
    house.city.clock.add(days=1)
    told = house.run(work)
    assert told[f"2026-03-01 {key}:1"] == "sealed 3, opened 1"
    assert not any("2026-03-01" in name for name in house.run(work))


def test_the_key_of_forms_can_be_rotated_and_its_old_version_goes(house: House) -> None:
    seal = house.seal()
    before = seal.mac(b"m", purpose="p")
    house.rotate("forms", "city", seal)
    assert seal.mac(b"m", purpose="p") != before
    house.city.clock.add(minutes=11)
    assert house.run(house.upkeep(seal))["retired forms"] == 1
