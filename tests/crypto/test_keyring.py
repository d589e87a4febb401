"""The keyring against a simple model, its rows against their records, and both databases against one contract."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from crypto import keyring as keyring_module
from crypto import store
from crypto.aead import Seal
from crypto.algorithms import GUOMI, INTERNATIONAL, SUITES
from crypto.errors import (
    KeyDamaged,
    KeyExists,
    KeyInUse,
    KeyMisused,
    KeyUnknown,
    SealInvalid,
    SignatureInvalid,
    TooManyKeys,
)
from crypto.key_rows import KeyUsage
from crypto.key_service import KeyService
from crypto.keyring import Keyring
from crypto.lifecycle import State
from storage import witness
from storage.errors import StorageUnavailable
from tests.crypto.city_keyring import CityKeyring, chain, city_keyring_at

NAMES, CONTEXTS = ("a", "b"), (b"", b"c", b"cc")


@pytest.fixture
def city_keys(database_url: str):
    with city_keyring_at(database_url) as ready:
        yield ready


def create(city_keys: CityKeyring, name: str = "files", usage: KeyUsage = KeyUsage.ENCRYPT, department: str = "civil"):
    return city_keys.keyring.create(department, name, usage, city_keys.act())


class AgainstAModel(RuleBasedStateMachine):
    """What was sealed opens until its version retires, never after; never with another context or by another key."""

    url = ""

    @initialize()
    def found(self) -> None:
        self.context = city_keyring_at(self.url)
        self.city_keys = self.context.__enter__()
        self.service = KeyService(self.city_keys.keyring, uses=self.city_keys.uses)
        self.active: dict[str, int] = {}
        self.retired: set[tuple[str, int]] = set()
        self.suite = "international"
        self.sealed: list[tuple[bytes, str, int, bytes, bytes]] = []

    def teardown(self) -> None:
        self.context.__exit__(None, None, None)

    @rule(name=st.sampled_from(NAMES))
    def create(self, name: str) -> None:
        if name in self.active:
            with pytest.raises(KeyExists):
                create(self.city_keys, name)
            return
        made = create(self.city_keys, name)
        self.active[name] = 1
        assert made.active.algorithm == SUITES[self.suite].sealing.name

    @rule(suite=st.sampled_from(sorted(SUITES)), department=st.sampled_from(["civil", "city"]))
    def choose(self, suite: str, department: str) -> None:
        self.city_keys.keyring.choose_suite(department, SUITES[suite], self.city_keys.act())
        self.suite = self.city_keys.keyring.suite("civil").name
        assert self.suite == suite or department == "city"

    @rule(name=st.sampled_from(NAMES), how=st.sampled_from(["whole", "only published", "twice published"]))
    def rotate(self, name: str, how: str) -> None:
        if name not in self.active:
            return
        key = self.city_keys.keyring.key("civil", name)
        if how == "whole":
            key, _ = self.city_keys.keyring.rotate(key, self.city_keys.act(), effective=lambda epoch: epoch)
            self.active[name] = key.active.number
            assert all(one.state is not State.PUBLISHED for one in key.versions)
        for _ in range({"whole": 0, "only published": 1, "twice published": 2}[how]):
            number, _ = self.city_keys.keyring.publish(key, self.city_keys.act())
            assert number == max(one.number for one in self.city_keys.keyring.key("civil", name).versions)

    @rule(name=st.sampled_from(NAMES), plaintext=st.binary(max_size=30), context=st.sampled_from(CONTEXTS))
    def seal(self, name: str, plaintext: bytes, context: bytes) -> None:
        if name not in self.active:
            with pytest.raises(KeyUnknown):
                self.service.encrypt("civil", name, plaintext, context=context)
            return
        made = self.service.encrypt("civil", name, plaintext, context=context)
        assert made.version == self.active[name]
        self.sealed.append((made.value, name, made.version, context, plaintext))

    @rule(at=st.integers(0), name=st.sampled_from(NAMES), context=st.sampled_from(CONTEXTS), rewrap=st.booleans())
    def open(self, at: int, name: str, context: bytes, rewrap: bool) -> None:
        if not self.sealed or name not in self.active:
            return
        value, by, version, bound, plaintext = self.sealed[at % len(self.sealed)]
        use = self.service.rewrap if rewrap else self.service.decrypt
        if (by, bound) == (name, context) and (by, version) not in self.retired:
            made = use("civil", name, value, context=context)
            if rewrap:
                assert made.version == self.active[name]
                self.sealed.append((made.value, name, made.version, bound, plaintext))
            else:
                assert made.value == plaintext
        else:
            with pytest.raises(SealInvalid):
                use("civil", name, value, context=context)

    @rule(name=st.sampled_from(NAMES), number=st.integers(1, 5))
    def retire(self, name: str, number: int) -> None:
        if name not in self.active:
            return
        key = self.city_keys.keyring.key("civil", name)
        state = {one.number: one.state for one in key.versions}.get(number)
        if state is State.DECRYPT_ONLY:
            self.city_keys.keyring.retire(key.id, number, self.city_keys.act())
            self.retired.add((name, number))
        else:
            with pytest.raises(KeyInUse):
                self.city_keys.keyring.retire(key.id, number, self.city_keys.act())

    @invariant()
    def one_version_seals_and_numbers_never_come_back(self) -> None:
        for name in getattr(self, "active", ()):
            versions = self.city_keys.keyring.key("civil", name).versions
            assert [one.number for one in versions] == list(range(1, len(versions) + 1))
            assert [one.number for one in versions if one.state is State.ACTIVE] == [self.active[name]]
            assert sum(one.state is State.PUBLISHED for one in versions) <= 1


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_any_order_of_acts_keeps_what_was_sealed_until_its_version_retires(request, tmp_path, kind: str) -> None:
    """One database for all examples on PostgreSQL would keep rows, so each gets a fresh one."""
    numbers = iter(range(10_000))

    class Machine(AgainstAModel):
        @initialize()
        def found(self) -> None:
            self.url = f"sqlite:///{tmp_path / str(next(numbers))}.db" if kind == "sqlite" else server.fresh(template)
            super().found()

    if kind == "postgresql":
        server, template = request.getfixturevalue("postgres_server"), request.getfixturevalue("_template")
    some = settings(max_examples=25 if kind == "sqlite" else 6, stateful_step_count=25, deadline=None,
                    suppress_health_check=list(HealthCheck))  # fmt: skip
    run_state_machine_as_test(Machine, settings=some)


def test_a_key_is_made_once_in_a_department_and_there_is_a_bound(
    city_keys: CityKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(city_keys)
    create(city_keys, department="housing")
    with pytest.raises(KeyExists):
        create(city_keys)
    monkeypatch.setattr(keyring_module, "MAX_KEYS", 2)
    create(city_keys, "second")
    with pytest.raises(TooManyKeys):
        create(city_keys, "third")
    assert [key.name for key in city_keys.keyring.keys("civil")] == ["files", "second"]
    assert [key.name for key in city_keys.keyring.keys("civil", after=("civil", "files"))] == ["second"]
    assert len(city_keys.keyring.keys()) == 5


@pytest.mark.parametrize("suite", [INTERNATIONAL, GUOMI], ids=lambda one: one.name)
def test_the_nearest_departments_choice_makes_the_next_versions(city_keys: CityKeyring, suite) -> None:
    city_keys.keyring.choose_suite("city", GUOMI, city_keys.act())
    city_keys.keyring.choose_suite("civil", suite, city_keys.act())
    made = create(city_keys, department="civil-registry")
    assert made.active.algorithm == suite.sealing.name
    assert city_keys.keyring.suite("housing") is GUOMI


@pytest.mark.parametrize("suite", [INTERNATIONAL, GUOMI], ids=lambda one: one.name)
def test_a_signature_verifies_by_the_version_that_made_it_alone(city_keys: CityKeyring, suite) -> None:
    city_keys.keyring.choose_suite("civil", suite, city_keys.act())
    create(city_keys, "letters", KeyUsage.SIGN)
    service = KeyService(city_keys.keyring, uses=city_keys.uses)
    first = service.sign("civil", "letters", b"m")
    city_keys.rotate("letters", "civil")
    second = service.sign("civil", "letters", b"m")
    assert (first.version, second.version) == (1, 2)
    service.verify("civil", "letters", b"m", first.value, version=1)
    service.verify("civil", "letters", b"m", second.value, version=2)
    suite.signing.check(service.public("civil", "letters")[2], second.value, b"m")
    for message, signature, version in ((b"m", first.value, 2), (b"n", second.value, 2), (b"m", first.value, 3)):
        with pytest.raises(SignatureInvalid):
            service.verify("civil", "letters", message, signature, version=version)


def test_a_key_serves_one_use(city_keys: CityKeyring) -> None:
    create(city_keys)
    create(city_keys, "letters", KeyUsage.SIGN)
    service = KeyService(city_keys.keyring, uses=city_keys.uses)
    for misuse in (
        lambda: service.sign("civil", "files", b""),
        lambda: service.encrypt("civil", "letters", b"", context=b""),
        lambda: service.encrypt("city", "platform", b"", context=b""),
        lambda: service.sign("city", "forms", b""),
    ):
        with pytest.raises(KeyMisused):
            misuse()
    sealed = city_keys.seal().seal(b"session", purpose="cookie")
    with pytest.raises(KeyMisused):
        service.decrypt("city", "platform", sealed, context=b"cookie")


def test_what_a_version_is_made_of_is_on_no_disk_in_the_clear_and_gone_when_it_retires(city_keys: CityKeyring) -> None:
    create(city_keys)
    _, material = city_keys.keyring.material("civil", "files")
    assert material.secret not in city_keys.city.bytes_at_rest()
    assert material.secret.hex() not in repr(material)
    city_keys.rotate("files", "civil")
    city_keys.keyring.retire(material.key, 1, city_keys.act())
    rows = {
        row["number"]: row["material"] for row in city_keys.city.rows(store.key_version) if row["key"] == material.key
    }
    assert (rows[1], bool(rows[2])) == (b"", True)


def test_material_that_was_moved_to_another_version_does_not_open(city_keys: CityKeyring) -> None:
    create(city_keys)
    create(city_keys, "other")
    mine, others = (city_keys.keyring.key("civil", name).id for name in ("files", "other"))
    rows = {row["key"]: row["material"] for row in city_keys.city.rows(store.key_version)}
    with city_keys.city.database.transaction() as connection:
        update = store.key_version.update().where(store.key_version.c.key == mine)
        connection.execute(update.values(material=rows[others]))
    with pytest.raises(KeyDamaged):
        city_keys.keyring.material("civil", "files")


def test_the_wrong_key_file_opens_no_version(city_keys: CityKeyring) -> None:
    create(city_keys)
    other = Keyring(
        city_keys.city.database,
        Seal(b"x" * 32),
        epochs=city_keys.epochs,
        chain=chain,
        clock=city_keys.city.clock,
        mint=str,
    )
    with pytest.raises(KeyDamaged):
        other.material("civil", "files")


def test_each_act_tells_what_its_rows_became(city_keys: CityKeyring) -> None:
    act = city_keys.act()
    city_keys.keyring.create("civil", "files", KeyUsage.ENCRYPT, act)
    key, _ = city_keys.keyring.rotate(city_keys.keyring.key("civil", "files"), act, effective=lambda e: e)
    city_keys.keyring.retire(key.id, 1, act)
    city_keys.keyring.choose_suite("civil", GUOMI, act)
    told = act.notes
    with city_keys.city.database.transaction() as connection:
        rows = {row.key: row.digest for row in witness.rows(connection) if key.id in row.key or "suite" in row.key}
    assert told == rows
    city_keys.keyring.note_references(key.id, {1: 5})
    with city_keys.city.database.transaction() as connection:
        assert rows.items() <= {row.key: row.digest for row in witness.rows(connection)}.items()


@pytest.mark.parametrize("steps", [1, 2])
def test_a_rotation_that_is_broken_off_tells_what_its_rows_became(city_keys: CityKeyring, steps: int) -> None:
    """Gateways that do not confirm the first step, or the second: what was written stands in the record all the same."""
    key, act, waited = create(city_keys), city_keys.act(), []

    def effective(epoch: int) -> None:
        waited.append(epoch)
        if len(waited) == steps:
            raise StorageUnavailable("the database does not answer")

    with pytest.raises(StorageUnavailable):
        city_keys.keyring.rotate(key, act, effective=effective)
    with city_keys.city.database.transaction() as connection:
        rows = {row.key: row.digest for row in witness.rows(connection) if key.id in row.key}
    assert act.notes == {name: rows[name] for name in act.notes}
    assert sorted(act.notes) == [f"key_version {key.id}:{number}" for number in ((2,), (1, 2))[steps - 1]]


def test_every_change_is_a_step_that_gateways_are_told_of(city_keys: CityKeyring) -> None:
    before = city_keys.epochs.ask("g", holds=0).epoch
    key = create(city_keys)
    answer = city_keys.epochs.ask("g", holds=before)
    assert [(one.kind, one.key, one.epoch) for one in answer.changes or ()] == [("key", key.id, before + 1)]
    city_keys.rotate("files", "civil")
    assert city_keys.epochs.ask("g", holds=before + 1).epoch == before + 3
