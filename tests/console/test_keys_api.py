"""Keys behind the real door: who makes and rotates, who uses, what is told, and what stands in no record."""

import base64
import json

import pytest

from audit.event import EventKind
from tests.acts import an_act
from tests.founded_city import CityDoor, tomorrow

KEYS = "/api/v1/departments/civil/keys"
SECRET = b"canary-plaintext-7b1f"


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.fixture(scope="module")
def keys(door: CityDoor) -> CityDoor:
    """A city where civil has a key of each kind, and zhao may use them."""
    for name, usage in (("files", "encrypt"), ("letters", "sign")):
        made = door.ask("POST", KEYS, "zheng", json={"name": name, "usage": usage})
        assert made.status == 201, made
    role = {"role": "key-user", "clearance": 3, "expires_at": tomorrow(), "reason": "duty"}
    give = f"/api/v1/departments/civil/people/{door.ids['zhao']}/assignments"
    assert door.ask("POST", give, "qian", json=role).status == 201
    return door


def use(door: CityDoor, verb: str, who: str = "zhao", key: str = "files", department: str = "civil", **body: object):
    return door.ask("POST", f"/api/v1/departments/{department}/keys/{key}/{verb}", who, json=body)


def rotated(door: CityDoor, path: str, asks: str = "zheng", approves: str = "feng") -> dict:
    """Through the second person, and sent again."""
    waits = door.ask("POST", path, asks)
    assert (waits.status, waits.json["missing"]) == (403, "approver")
    request = waits.json["request"]
    own = door.ask("POST", f"{path}/approve/{request}", asks, json={"verdict": "approve"})
    assert own.status in (403, 409), own
    assert door.ask("POST", f"{path}/approve/{request}", approves, json={"verdict": "approve"}).status < 400
    return door.ask("POST", f"/.citygate/resume/{request}", asks).json


def test_what_a_key_user_seals_opens_for_the_same_context_and_department_alone(keys: CityDoor) -> None:
    sealed = use(keys, "encrypt", plaintext=b64(SECRET), context=b64(b"file 17")).json
    assert (sealed["version"], sealed["algorithm"]) == (1, "AES-256-GCM")
    opened = use(keys, "decrypt", ciphertext=sealed["ciphertext"], context=b64(b"file 17"))
    assert base64.b64decode(opened.json["plaintext"]) == SECRET
    broken = b64(base64.b64decode(sealed["ciphertext"])[:-1] + b"\0")
    told = [
        use(keys, "decrypt", ciphertext=one, context=context)
        for one, context in ((sealed["ciphertext"], b64(b"file 18")), (broken, b64(b"file 17")), ("", ""))
    ]
    assert {(one.status, one.json["code"], one.json["reason"]) for one in told} == {
        (422, "ciphertext-invalid", "ciphertext-invalid")
    }
    assert use(keys, "encrypt", department="housing", plaintext="").status == 403


def test_who_makes_keys_uses_none_and_who_uses_them_makes_none(keys: CityDoor) -> None:
    for verb, body in (("encrypt", {"plaintext": ""}), ("decrypt", {"ciphertext": ""}), ("sign", {"message": ""})):
        for who in ("zheng", "qian", "chen", "zhou", "wang"):
            assert use(keys, verb, who, **body).json["code"] == "access-denied"
    for method, path in (("GET", KEYS), ("POST", f"{KEYS}/files/rotate"), ("GET", "/keys")):
        assert keys.ask(method, path, "zhao").json["code"] == "access-denied"


def test_a_rotation_takes_two_and_old_ciphertexts_open_and_are_rewrapped(keys: CityDoor) -> None:
    keys.ask("POST", KEYS, "zheng", json={"name": "rolls", "usage": "encrypt"})
    old = use(keys, "encrypt", key="rolls", plaintext=b64(SECRET)).json
    done = rotated(keys, f"{KEYS}/rolls/rotate")
    assert (done["version"], done["receipt"]["confirmed"], done["receipt"]["live"]) == (2, 1, 1)
    assert [one["state"] for one in done["versions"]] == ["decrypt-only", "active"]
    assert base64.b64decode(use(keys, "decrypt", key="rolls", ciphertext=old["ciphertext"]).json["plaintext"]) == SECRET
    new = use(keys, "rewrap", key="rolls", ciphertext=old["ciphertext"]).json
    assert (new["version"], "plaintext" in new) == (2, False)
    assert base64.b64decode(use(keys, "decrypt", key="rolls", ciphertext=new["ciphertext"]).json["plaintext"]) == SECRET


def test_the_platforms_key_rotates_while_everybody_stays_signed_in_and_old_forms_count(keys: CityDoor) -> None:
    cookie = keys.sign_in("wang")
    form = keys.csrf(cookie)
    old = keys.city.keys.seal.ring.active.version
    rotated(keys, "/api/v1/departments/city/keys/platform/rotate")
    assert keys.city.keys.seal.ring.active.version == old + 1
    assert keys.ask("GET", "/", cookie=cookie, page=True).status == 200
    assert keys.csrf(cookie) == form
    job = keys.ask("POST", "/api/v1/jobs/keys", "clock-job")
    assert job.status == 200
    told = keys.ask("GET", "/api/v1/departments/city/keys/platform", "zheng").json["versions"]
    assert [one["reference_count"] for one in told if one["number"] == old] == [0]
    keys.city.keys.keyring.retire(keys.city.keys.seal.ring.key, old, an_act(record="01R" + "0" * 23))
    keys.city.keys.seal.reload()
    keys.city.credentials.forget(cookie)
    answer = keys.ask("POST", "/sessions/end-all", cookie=cookie, form={"csrf": form},
                      headers={"origin": "http://console.localhost:8080"})  # fmt: skip
    assert answer.status < 400, answer


def test_a_department_chooses_its_suite_and_its_next_version_has_it(keys: CityDoor) -> None:
    path = "/api/v1/departments/civil-registry"
    assert keys.ask("GET", f"{path}/key-suite", "zheng").json == {"suite": "international"}
    keys.ask("POST", f"{path}/keys", "zheng", json={"name": "seals", "usage": "sign"})
    assert keys.ask("PUT", f"{path}/key-suite", "zheng", json={"suite": "guomi"}).json == {"suite": "guomi"}
    done = rotated(keys, f"{path}/keys/seals/rotate")
    assert [one["algorithm"] for one in done["versions"]] == ["Ed25519", "SM2"]
    signed = use(keys, "sign", key="seals", department="civil-registry", message=b64(b"m")).json
    for message, valid in ((b"m", True), (b"n", False)):
        told = use(keys, "verify", key="seals", department="civil-registry", message=b64(message),
                   signature=signed["signature"], version=signed["version"])  # fmt: skip
        assert told.json == {"valid": valid}
    public = keys.ask("GET", f"{path}/keys/seals", "zheng").json["versions"]
    assert [len(base64.b64decode(one["public_key"])) for one in public] == [32, 64]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (KEYS, {"name": "<x>", "usage": "encrypt"}), (KEYS, {"name": "a\nb", "usage": "encrypt"}),
        (KEYS, {"name": "a\n", "usage": "encrypt"}), (KEYS, {"name": "../a", "usage": "encrypt"}),
        (KEYS, {"name": "-a", "usage": "encrypt"}), (KEYS, {"name": "a" * 64, "usage": "encrypt"}),
        (KEYS, {"name": "a;b", "usage": "encrypt"}), (KEYS, {"name": "ok", "usage": "platform"}),
        (KEYS, {"name": "ok", "usage": "encrypt", "more": 1}), (KEYS, {"name": "ok"}),
    ],
)  # fmt: skip
def test_hostile_names_and_usages_are_refused(keys: CityDoor, path: str, body: dict) -> None:
    """fault: a key named with markup, a newline, `;`, `../`, a leading dash — 422, nothing is made."""
    before = keys.ask("GET", KEYS, "zheng").json
    answer = keys.ask("POST", path, "zheng", json=body)
    assert (answer.status, answer.json["code"]) == (422, "request-invalid")
    assert keys.ask("GET", KEYS, "zheng").json == before
    assert "<x>" not in answer.body.decode()


@pytest.mark.parametrize(
    "body",
    [{}, {"plaintext": 7}, {"plaintext": "a"}, {"plaintext": "YQ"}, {"plaintext": "Y Q=="}, {"plaintext": "YQ==\n"},
     {"plaintext": b64(bytes(256 * 1024 + 1))}, {"plaintext": "", "context": b64(bytes(1025))}],
    ids=range(8),
)  # fmt: skip
def test_what_is_no_base64_or_too_large_is_refused(keys: CityDoor, body: dict) -> None:
    assert (use(keys, "encrypt", **body).status, use(keys, "encrypt", **body).json["code"]) == (422, "request-invalid")


def test_as_much_as_is_promised_is_sealed_opened_and_rewrapped(keys: CityDoor) -> None:
    most = b64(bytes(256 * 1024))
    sealed = use(keys, "encrypt", plaintext=most, context=b64(bytes(1024))).json["ciphertext"]
    assert use(keys, "rewrap", ciphertext=sealed, context=b64(bytes(1024))).status == 200
    assert use(keys, "decrypt", ciphertext=sealed, context=b64(bytes(1024))).json["plaintext"] == most


def test_what_is_not_there_or_for_something_else_is_told_as_such(keys: CityDoor) -> None:
    assert keys.ask("POST", KEYS, "zheng", json={"name": "files", "usage": "sign"}).json["code"] == "key-exists"
    nowhere = keys.ask("POST", "/api/v1/departments/nowhere/keys", "zheng", json={"name": "a", "usage": "sign"})
    assert nowhere.json["code"] == "access-denied"
    assert use(keys, "sign", message="").json["code"] == "key-misused"
    assert use(keys, "encrypt", key="nothing", plaintext="").json["code"] == "key-unknown"
    assert keys.ask("GET", f"{KEYS}/nothing", "zheng").json["code"] == "key-unknown"


def test_every_use_is_recorded_and_no_plaintext_ciphertext_or_context_is(keys: CityDoor) -> None:
    sealed = use(keys, "encrypt", plaintext=b64(SECRET), context=b64(b"canary-context-91")).json["ciphertext"]
    use(keys, "decrypt", ciphertext=sealed, context=b64(b"canary-context-91"))
    use(keys, "sign", key="letters", message=b64(SECRET))
    records = keys.records()
    used = [one for one in records if one.kind is EventKind.OUTCOME and one.action in ("key:encrypt", "key:decrypt")]
    told = dict(used[-1].detail)
    assert told == {"size": len(SECRET), "version": 1, "bytes": told["bytes"]}
    assert (used[-1].action, used[-1].object) == ("key:decrypt", "/console/departments/civil/keys/files")
    text = json.dumps([repr(one) for one in records])
    for secret in (SECRET.decode(), b64(SECRET), sealed[60:], "canary-context-91", b64(b"canary-context-91")):
        assert secret not in text


def test_the_page_shows_each_key_with_its_versions_and_a_button(keys: CityDoor) -> None:
    page = keys.ask("GET", "/keys", cookie=keys.sign_in("zheng"), page=True)
    text = page.body.decode()
    assert page.status == 200
    assert "/departments/city/keys/platform/rotate" in text
    assert "/departments/civil/keys/files/rotate" in text
    assert keys.ask("GET", "/keys", cookie=keys.sign_in("qian"), page=True).status == 403
