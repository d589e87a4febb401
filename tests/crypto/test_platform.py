"""The platform's seal: several gateways, rotations between them, and cities that were founded before it."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from city.identifiers import mint
from crypto import founding, store
from crypto.aead import Seal
from crypto.errors import KeyFileUnsafe, SealInvalid
from crypto.keyring import Keyring
from crypto.local_keys import create, load
from storage.database import Database
from tests.crypto.city_keyring import RECORD, CityKeyring, chain, city_keyring_at
from tests.idp.people import NOW, city_with_people

ACT = founding.founding_act(record=RECORD, at=NOW)


@pytest.fixture
def city_keys(database_url: str):
    with city_keyring_at(database_url) as ready:
        yield ready


def test_no_gateway_ever_meets_a_seal_that_it_cannot_open(city_keys: CityKeyring) -> None:
    """At each step of a rotation some gateways know it already and the others do not."""
    gateways = [city_keys.seal() for _ in range(3)]
    values: list[bytes] = []

    def everybody_reads() -> None:
        for one in gateways:
            values.append(one.seal(b"session", purpose="p"))
            assert {one.open(value, purpose="p") for value in values} == {b"session"}

    def heard_one_after_the_other(_epoch: int) -> None:
        for one in gateways:
            everybody_reads()
            one.reload()
        everybody_reads()

    for _ in range(2):
        key = city_keys.keyring.key("city", "platform")
        city_keys.keyring.rotate(key, city_keys.act(), effective=heard_one_after_the_other)
    assert {gateways[0].version_of(value) for value in values} == {1, 2, 3}


def test_a_version_that_is_only_published_seals_nothing(city_keys: CityKeyring) -> None:
    city_keys.keyring.publish(city_keys.keyring.key("city", "platform"), city_keys.act())
    seal = city_keys.seal()
    assert seal.version_of(seal.seal(b"x", purpose="p")) == 1


def test_an_unknown_version_is_looked_for_at_most_once_a_second(city_keys: CityKeyring) -> None:
    old, looked = city_keys.seal(), []
    city_keys.rotate()
    city_keys.rotate()
    load_ring = old._load
    old._load = lambda: looked.append(1) or load_ring()  # type: ignore[func-returns-value]
    sealed = city_keys.seal().seal(b"x", purpose="p")
    with pytest.raises(SealInvalid):
        old.open(sealed, purpose="p")
    city_keys.monotonic = 2.0
    for _ in range(5):
        with pytest.raises(SealInvalid):
            old.open(sealed[:28] + (99).to_bytes(4, "big") + sealed[32:], purpose="p")
    assert looked == [1]
    assert old.open(sealed, purpose="p") == b"x"


def test_a_foreign_key_id_makes_nobody_look(city_keys: CityKeyring) -> None:
    seal = city_keys.seal()
    city_keys.monotonic, seal._load = 5.0, lambda: pytest.fail("it looked")
    sealed = seal.seal(b"x", purpose="p")
    with pytest.raises(SealInvalid):
        seal.open(sealed[:2] + b"0" * 26 + sealed[28:], purpose="p")


def test_forms_outlive_every_rotation_of_the_platforms_key(city_keys: CityKeyring) -> None:
    seal = city_keys.seal()
    before = seal.mac(b"session host", purpose="session form")
    city_keys.rotate("platform", "city", seal)
    key = city_keys.keyring.key("city", "platform")
    city_keys.keyring.retire(key.id, 1, city_keys.act())
    seal.reload()
    assert (
        seal.mac(b"session host", purpose="session form")
        == before
        == city_keys.seal().mac(b"session host", purpose="session form")
    )
    assert len({before, seal.mac(b"session host", purpose="other"), seal.mac(b"session", purpose="session form")}) == 3


def test_what_a_retired_version_sealed_opens_nowhere(city_keys: CityKeyring) -> None:
    seal = city_keys.seal()
    sealed, old = seal.seal(b"x", purpose="p"), Seal(bytes(32)).seal(b"x", purpose="p")
    city_keys.rotate("platform", "city", seal)
    assert {seal.open(one, purpose="p") for one in (sealed, old)} == {b"x"}
    city_keys.keyring.retire(city_keys.keyring.key("city", "platform").id, 1, city_keys.act())
    seal.reload()
    for one in (sealed, old):
        with pytest.raises(SealInvalid):
            seal.open(one, purpose="p")


# ── a city that was founded before there was a keyring


def adopted(database: Database, folder: Path, told: dict[str, str] | None = None) -> Seal:
    tell = (lambda _witness: None) if told is None else told.update
    founding.adopt(database, folder, ids=(mint(), mint()), act=ACT, write_record=tell)
    wrapping = founding.wrapping_of(folder)
    founding.check_key_file(database, wrapping)
    return wrapping


def test_the_old_key_becomes_version_1_and_what_it_sealed_opens(database_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    old = Seal(create(folder / "seal.key"))
    sealed = old.seal(b"token", purpose="session id token")
    with city_with_people(database_url) as city:
        told: dict[str, str] = {}
        wrapping = adopted(city.database, folder, told)
        assert len(told) == 4
        again: dict[str, str] = {}
        adopted(city.database, folder, again)
        assert again == {}
        city_keys = CityKeyring(city, None, load(folder / "kek.key"))  # type: ignore[arg-type]
        assert city_keys.seal().open(sealed, purpose="session id token") == b"token"
        assert load(folder / "seal.key") not in city.bytes_at_rest()
        assert isinstance(wrapping, Seal)
        city_keys.rotate()
        assert city_keys.seal().open(sealed, purpose="session id token") == b"token"


def test_a_city_that_is_interrupted_while_it_gets_its_keyring_gets_it_later(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    create(folder / "seal.key")
    with city_with_people(f"sqlite:///{tmp_path / 'city.db'}") as city:
        with pytest.raises(OSError, match="full"):
            founding.adopt(city.database, folder, ids=(mint(), mint()), act=ACT, write_record=full)
        assert city.rows(store.key) == []
        adopted(city.database, folder)
        assert len(city.rows(store.key_version)) == 2


def full(_witness: object) -> None:
    raise OSError("full")


@pytest.mark.parametrize("fault", ["gone", "another", "readable by others", "empty"])
def test_without_its_key_file_a_city_does_not_start_and_nothing_is_made_instead(tmp_path: Path, fault: str) -> None:
    folder = tmp_path / "keys"
    create(folder / "seal.key")
    with city_with_people(f"sqlite:///{tmp_path / 'city.db'}") as city:
        adopted(city.database, folder)
        kek = folder / "kek.key"
        {"gone": kek.unlink, "another": lambda: kek.write_bytes(bytes(32)), "readable by others": lambda: kek.chmod(0o644),
         "empty": lambda: kek.write_bytes(b"")}[fault]()  # fmt: skip
        there = sorted(one.name for one in folder.iterdir())
        with pytest.raises(KeyFileUnsafe, match=r"put it back|chmod 600|does not hold"):
            adopted(city.database, folder)
        assert sorted(one.name for one in folder.iterdir()) == there


def test_a_city_with_neither_keyring_nor_old_key_does_not_start(tmp_path: Path) -> None:
    with city_with_people(f"sqlite:///{tmp_path / 'city.db'}") as city:
        with pytest.raises(KeyFileUnsafe, match="put it back"):
            adopted(city.database, tmp_path)
        assert list(tmp_path.glob("*.key")) == []


def test_of_several_processes_that_start_at_once_one_makes_the_keyring(database_url: str, tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    create(tmp_path / "keys/seal.key")
    with city_with_people(database_url) as city, ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: adopted(city.database, tmp_path / "keys"), range(4)))
        with city.database.transaction() as connection:
            assert connection.execute(sa.select(sa.func.count()).select_from(store.key_version)).scalar_one() == 2
        Keyring(
            city.database, founding.wrapping_of(tmp_path / "keys"), epochs=CityKeyring(city, None).epochs, chain=chain,  # type: ignore[arg-type]
            clock=city.clock, mint=mint,
        ).live_versions("city", "platform")  # fmt: skip
