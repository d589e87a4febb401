"""The system's objects, on a city that really is so; then each is broken where it lies, and the probe says what broke."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from authz.store import rule
from city.clock import clock
from city.identifiers import mint
from grading.evidence import Evidence, Status
from idp.apps import Apps
from tests.acts import an_act
from tests.catalogue.publishing_city import PublishingCity
from tests.founded_city import CityDoor
from tests.grading.graded_city import ask_probe, graded_city, reload_facts, status_and_code, write_by_hand

LOW = """
[[routes]]
host = "housing.localhost"
path = "/low"
system = "housing"
department = "housing"
actions = { POST = "file" }
label = 2
upstream = "http://127.0.0.1:9"
"""


def test_a_rule_that_lets_anybody_in_is_found_by_asking_the_pdp(city: CityDoor) -> None:
    assert status_and_code(ask_probe(city, "default_deny")) == (Status.MET, "denied-without-right")
    oops = {
        "id": "oops",
        "subject": "anonymous",
        "department": "housing",
        "object": "/housing/open/*",
        "action": "read",
    }
    with city.city.stores.database.transaction() as connection:
        connection.execute(sa.insert(rule).values(oops | {"effect": "permit", "record": mint()}))
    reload_facts(city, "policy", "housing")
    found = ask_probe(city, "default_deny")
    who = "anonymous read /open/**; user:00000000000000000000000000 read /open/**"
    assert found.evidence == (Evidence("permitted-without-right", {"count": 2, "what": who}),)
    assert found.status is Status.UNMET


def test_a_label_that_does_not_follow_from_the_grade_is_no_pass(city: CityDoor) -> None:
    assert status_and_code(ask_probe(city, "objects_labelled")) == (Status.MET, "objects-labelled")
    write_by_hand(city, "UPDATE system SET label = 2 WHERE id = 'housing'")
    found = ask_probe(city, "objects_labelled")
    assert found.evidence == (Evidence("label-not-grade", {"label": 2, "grade": "S3A2"}),)
    assert found.status is Status.UNMET


def test_a_write_below_the_grade_is_only_partly_met(founded: Path, tmp_path: Path) -> None:
    with graded_city(founded, tmp_path, table=LOW) as city:
        found = ask_probe(city, "objects_labelled")
    assert found.evidence == (Evidence("writes-below-grade", {"paths": "/low", "label": 3}),)
    assert found.status is Status.PARTLY


def test_a_secret_in_plain_text_is_named_by_its_row(city: CityDoor) -> None:
    write_by_hand(city, "DELETE FROM parked")
    assert status_and_code(ask_probe(city, "secrets_sealed")) == (Status.NOT_APPLICABLE, "no-secrets")
    city.sign_in("wang")
    assert status_and_code(ask_probe(city, "secrets_sealed")) == (Status.MET, "secrets-sealed")
    for plain in (b"eyJhbGciOi" * 12, b"\x01" + b"eyJhbGciOi" * 12, b"\x02" + b"eyJhbGciOi" * 12):
        write_by_hand(city, "UPDATE session SET id_token = ?", plain)
        found = ask_probe(city, "secrets_sealed")
        assert (found.status, found.evidence[0].values["table"]) == (Status.UNMET, "session.id_token")


def test_the_secret_of_an_app_is_no_exception(city: CityDoor) -> None:
    apps = Apps(city.city.stores.database, city.city.keys.seal, epochs=city.city.stores.epochs, clock=clock, mint=mint)
    apps.create("checker", an_act("x", record=mint(), department="civil"))
    assert ask_probe(city, "secrets_sealed").status is Status.MET
    write_by_hand(city, "UPDATE app SET sealed = ?", b"s" * 64)
    found = ask_probe(city, "secrets_sealed")
    assert (found.status, found.evidence[0].values["table"]) == (Status.UNMET, "app.sealed")


def test_a_key_file_that_others_can_read_is_named(city: CityDoor) -> None:
    assert ask_probe(city, "keys_protected").status is Status.MET
    kek = city.city.settings.data / "keys/kek.key"
    kek.chmod(0o640)
    assert ask_probe(city, "keys_protected").evidence == (Evidence("key-files-open", {"names": "kek.key"}),)
    kek.chmod(0o600)
    kek.with_name("linked.key").symlink_to(kek)
    assert status_and_code(ask_probe(city, "keys_protected")) == (Status.UNMET, "key-files-open")


@pytest.mark.parametrize(
    ("place", "opened"), [("keys", 0o777), ("keys/access/wang", 0o604), ("issuer/seal.key", 0o644), ("backup", 0o640)]
)
def test_a_key_is_looked_for_wherever_keys_are_kept(city: CityDoor, place: str, opened: int) -> None:
    settings = city.city.settings
    city.work("backup")
    path = settings.backup("keys") / "wrap.key" if place == "backup" else settings.data / place
    closed = path.stat().st_mode
    keys = [*(settings.data / "keys").rglob("*"), *settings.backup("keys").iterdir(), settings.data / "issuer/seal.key"]
    count = sum(one.is_file() and one.suffix != ".pub" for one in keys)
    assert ask_probe(city, "keys_protected").evidence == (Evidence("key-files-closed", {"count": count}),)
    path.chmod(opened)
    assert ask_probe(city, "keys_protected").evidence == (Evidence("key-files-open", {"names": path.name}),)
    path.chmod(closed)


def test_a_share_whose_end_or_purpose_is_taken_out_is_named(city: CityDoor) -> None:
    publisher = PublishingCity(city)
    share = publisher.share(publisher.resource("housing"), publisher.app()[0]).id
    assert ask_probe(city, "shares_bounded").evidence == (Evidence("shares-bounded", {"count": 1}),)
    for column in ("expires_at = NULL", "reason = ''"):
        write_by_hand(city, f"UPDATE assignment SET {column} WHERE id = ?", share)
        assert ask_probe(city, "shares_bounded").evidence == (Evidence("shares-unbounded", {"count": 1, "ids": share}),)
        write_by_hand(
            city, "UPDATE assignment SET expires_at = '2999-01-01 00:00:00', reason = 'x' WHERE id = ?", share
        )
