"""Signed notes against Go's published example, and strictness."""

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.checkpoint import Checkpoint, open_note, parse, sign, sign_note
from audit.errors import CheckpointInvalid
from crypto.sign import SigningKey, VerifyingKey
from tests.audit.city import KEY, ORIGIN

VECTOR = json.loads((Path(__file__).parents[1] / "vectors" / "signed_note.json").read_text())
SOME = Checkpoint(origin=ORIGIN, size=17, root=bytes(range(32)))


def test_go_and_we_sign_the_same_note() -> None:
    key = SigningKey(base64.b64decode(VECTOR["secret"].split("+", 4)[4])[1:])
    note = f"{VECTOR['body']}\n— {VECTOR['name']} {VECTOR['signature']}\n"
    assert sign_note(VECTOR["body"], key, VECTOR["name"]) == note
    public = VerifyingKey(base64.b64decode(VECTOR["public"].split("+", 2)[2])[1:])
    assert open_note(note, public, VECTOR["name"]) == VECTOR["body"]


@given(st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_a_checkpoint_comes_back(size: int, root: bytes) -> None:
    one = Checkpoint(origin=ORIGIN, size=size, root=root)
    assert parse(sign(one, KEY), KEY.public, ORIGIN) == one


def test_a_witness_may_add_its_signature() -> None:
    other = sign_note(SOME.body, SigningKey(bytes(32)), "witness").split("\n\n")[1]
    assert parse(sign(SOME, KEY) + other, KEY.public, ORIGIN) == SOME


def test_no_changed_byte_is_accepted() -> None:
    text = sign(SOME, KEY).encode()
    for at in range(len(text)):
        changed = text[:at] + bytes([text[at] ^ 1]) + text[at + 1 :]
        with pytest.raises(CheckpointInvalid):
            parse(changed.decode("utf-8", "surrogateescape"), KEY.public, ORIGIN)


@pytest.mark.parametrize(
    "body",
    [
        f"{ORIGIN}\n017\n{base64.b64encode(bytes(32)).decode()}\n",
        f"{ORIGIN}\n-1\n{base64.b64encode(bytes(32)).decode()}\n",
        f"{ORIGIN}\n17\n{base64.b64encode(bytes(31)).decode()}\n",
        f"{ORIGIN}\n17\n{base64.b64encode(bytes(32)).decode()}\nextension\n",
        f"{ORIGIN}\n17\n",
        f"other\n17\n{base64.b64encode(bytes(32)).decode()}\n",
        f"{ORIGIN}\n{'9' * 4000}\n{base64.b64encode(bytes(32)).decode()}\n",
    ],
)
def test_rightly_signed_nonsense_is_refused(body: str) -> None:
    with pytest.raises(CheckpointInvalid):
        parse(sign_note(body, KEY, ORIGIN), KEY.public, ORIGIN)


def test_another_key_and_another_log_are_refused() -> None:
    with pytest.raises(CheckpointInvalid):
        parse(sign(SOME, KEY), SigningKey(bytes(32)).public, ORIGIN)
    with pytest.raises(CheckpointInvalid):
        parse(sign(SOME, KEY), KEY.public, "city.example/other")
    with pytest.raises(CheckpointInvalid):
        Checkpoint(origin="two words", size=0, root=bytes(32))
