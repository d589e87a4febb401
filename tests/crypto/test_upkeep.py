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
from storage.redis_stores import RedisEphemeral
from tests.crypto.city_keyring import CityKeyring
from tests.crypto.sealed_state import SealedState, states
from tests.idp.people import NOW, city_with_people


@pytest.fixture(params=["sqlite", "postgresql", "postgresql and redis"])
def city_keys(request: pytest.FixtureRequest, tmp_path: Path):
    url = request.getfixturevalue("postgres_url") if request.param != "sqlite" else f"sqlite:///{tmp_path / 'city.db'}"
    with city_with_people(url) as city:
        city.add("li", "wang")
        ephemeral = DatabaseEphemeral(city.database, clock=city.clock)
        if "redis" in request.param:
            ephemeral = RedisEphemeral(request.getfixturevalue("redis_client"))  # type: ignore[assignment]
        yield CityKeyring(city, ephemeral).with_first_keys()


def test_an_old_version_is_counted_sealed_anew_and_retires_while_everybody_stays_signed_in(
    city_keys: CityKeyring,
) -> None:
    seal = city_keys.seal()
    sealed_state = SealedState(city_keys, seal)
    sealed_state.begin(5)
    city_keys.rotate("platform", "city", seal)
    counted = references(seal, city_keys.places())
    assert counted == {1: 5 * 3 + 2 + 1}, "id tokens, refresh tokens, cookies; two parked, one approved"
    sealed_state.begin(2)
    work = city_keys.upkeep(seal)
    told = city_keys.run(work)
    assert (told["resealed"], told["references"]) == (18, 0)
    sealed_state.check_everything_opens()
    assert states(city_keys) == ["decrypt-only", "active"], "a sign-in may be under way in a browser"
    city_keys.city.clock.add(minutes=11)
    with city_keys.city.database.transaction() as connection:  # who is parked for 15 minutes is there still
        connection.execute(sa.update(identity_store.session).values(seen_at=city_keys.city.clock()))
    told = city_keys.run(work)
    assert told["retired platform"] == 1
    seal.reload()
    assert states(city_keys) == ["retired", "active"]
    sealed_state.check_everything_opens()
    assert city_keys.run(work) == {}


def test_what_the_old_format_sealed_is_sealed_anew_too(city_keys: CityKeyring) -> None:
    sealed_state = SealedState(city_keys, Seal(bytes(32)))
    sealed_state.begin(2)
    seal = city_keys.seal()
    sealed_state = sealed_state.over_seal(seal)
    sealed_state.check_everything_opens()
    city_keys.rotate("platform", "city", seal)
    assert city_keys.run(city_keys.upkeep(seal))["references"] == 0
    city_keys.keyring.retire(city_keys.keyring.key("city", "platform").id, 1, city_keys.act())
    seal.reload()
    sealed_state.check_everything_opens()


def test_a_value_that_changed_or_went_meanwhile_is_left_alone(city_keys: CityKeyring) -> None:
    seal = city_keys.seal()
    sealed_state = SealedState(city_keys, seal)
    sealed_state.begin(1)
    city_keys.rotate("platform", "city", seal)
    for place in city_keys.places():
        kept, _ = place.stale_values(seal.ring.active.header, after="")
        for one in kept:
            assert place.swap(one, b"first")
            assert not place.swap(one, b"second")
    key = f"cookie:{digest(sealed_state.cookies[0]).hex()}"
    city_keys.ephemeral.remove(key)
    assert not city_keys.ephemeral.swap(key, b"first", b"raised from the dead")
    assert city_keys.ephemeral.get({key}) == {}


def test_what_somebody_planted_in_the_shared_memory_keeps_no_version_alive(city_keys: CityKeyring) -> None:
    seal = city_keys.seal()
    old = seal.ring.active.header
    city_keys.rotate("platform", "city", seal)
    for name, value in (("a", old + b"junk"), ("b", b"\x01junk"), ("c", b""), ("d", b"\xff" * 200)):
        city_keys.ephemeral.put(f"cookie:{name}", value, seconds=60)
    told = city_keys.run(city_keys.upkeep(seal))
    assert told["references"] == 0


def test_a_row_that_does_not_open_keeps_its_version_and_is_told(city_keys: CityKeyring) -> None:
    seal = city_keys.seal()
    sealed_state = SealedState(city_keys, seal)
    sealed_state.begin(1)
    city_keys.rotate("platform", "city", seal)
    with city_keys.city.database.transaction() as connection:
        damaged = Seal(bytes(32)).seal(b"x", purpose="another")
        connection.execute(sa.update(authz_store.parked).values(sealed=damaged))
    city_keys.city.clock.add(minutes=11)
    told = city_keys.run(city_keys.upkeep(seal))
    assert (told["unreadable"], told["references"]) == (2, 2)
    assert states(city_keys) == ["decrypt-only", "active"]


def test_a_run_that_has_no_more_time_goes_on_the_next_time(
    city_keys: CityKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crypto.reseal.BATCH", 2)
    seal = city_keys.seal()
    sealed_state = SealedState(city_keys, seal)
    sealed_state.begin(5)
    city_keys.rotate("platform", "city", seal)
    done = reseal(seal, city_keys.places(), more=lambda: False)
    assert not done.whole
    assert done.resealed + sum(references(seal, city_keys.places()).values()) == 18
    assert city_keys.run(city_keys.upkeep(seal))["references"] == 0
    sealed_state.check_everything_opens()


def test_a_key_that_seals_is_rotated_by_age_and_by_use_and_one_that_signs_is_not(city_keys: CityKeyring) -> None:
    seal = city_keys.seal()
    for name, usage in (("files", KeyUsage.ENCRYPT), ("busy", KeyUsage.ENCRYPT), ("letters", KeyUsage.SIGN)):
        city_keys.keyring.create("civil", name, usage, city_keys.act())
    busy = city_keys.keyring.key("civil", "busy").id
    with city_keys.city.database.transaction() as connection:
        row = {"version": f"{busy}:1", "day": "2026-02-27", "sealed": lifecycle.MAX_SEALED, "opened": 0}
        connection.execute(sa.insert(store.key_use).values(row))
    work = city_keys.upkeep(seal)
    assert city_keys.run(work)["rotated"] == "civil/busy 2"
    assert "rotated" not in city_keys.run(work)
    city_keys.city.clock.now = NOW + lifecycle.MAX_AGE - timedelta(seconds=1)
    assert "rotated" not in city_keys.run(work)
    city_keys.city.clock.add(seconds=1)
    assert {str(city_keys.run(work).get("rotated")) for _ in range(5)} == {
        "city/platform 2", "civil/files 2", "civil/busy 3", "None",
    }  # fmt: skip
    assert city_keys.keyring.key("civil", "letters").active.number == 1


def test_what_was_done_before_the_job_failed_stands_in_its_record(
    city_keys: CityKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    seal = city_keys.seal()
    city_keys.rotate("platform", "city", seal)
    city_keys.city.clock.now = NOW + lifecycle.MAX_AGE

    def no_answer(*_: object, **__: object) -> None:
        raise StorageUnavailable("the database does not answer")

    monkeypatch.setattr("crypto.upkeep.references", no_answer)
    act = city_keys.act()
    with pytest.raises(StorageUnavailable):
        city_keys.upkeep(seal).run(act)
    key = city_keys.keyring.key("city", "platform").id
    assert act.notes["rotated"] == "city/platform 3"
    assert {f"key_version {key}:2", f"key_version {key}:3"} <= act.notes.keys()


def test_uses_are_counted_by_version_and_day_and_told_once(city_keys: CityKeyring) -> None:
    seal = city_keys.seal()
    sealed = [seal.seal(b"x", purpose="p") for _ in range(3)]
    seal.open(sealed[0], purpose="p")
    city_keys.uses.flush()
    city_keys.rotate("platform", "city", seal)
    seal.seal(b"x", purpose="p")
    city_keys.uses.flush()
    city_keys.uses.flush()
    key = city_keys.keyring.key("city", "platform").id
    assert city_keys.uses.total([f"{key}:1", f"{key}:2"]) == {f"{key}:1": 3, f"{key}:2": 1}
    work = city_keys.upkeep(seal)
    assert not any("2026-03-01" in name for name in city_keys.run(work))
    city_keys.city.clock.add(days=1)
    told = city_keys.run(work)
    assert told[f"2026-03-01 {key}:1"] == "sealed 3, opened 1"
    assert not any("2026-03-01" in name for name in city_keys.run(work))


def test_the_key_of_forms_can_be_rotated_and_its_old_version_goes(city_keys: CityKeyring) -> None:
    seal = city_keys.seal()
    before = seal.mac(b"m", purpose="p")
    city_keys.rotate("forms", "city", seal)
    assert seal.mac(b"m", purpose="p") != before
    city_keys.city.clock.add(minutes=11)
    assert city_keys.run(city_keys.upkeep(seal))["retired forms"] == 1
