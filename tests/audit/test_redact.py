"""Canaries: credentials that were put where they do not belong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.event import encode
from audit.redact import is_suspect, redact
from tests.audit.city import event

CANARY = "kAnArY0123456789abcdef"
LEAKS = [
    f"cg_{CANARY}",
    f"key cg_live-{CANARY}.x, and more",
    f"eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ{CANARY}.c2ln{CANARY}",
    f"eyJhbGciOiJkaXIi.{CANARY}.{CANARY}.{CANARY}.{CANARY}",
    f"__Host-session={CANARY}; other=1",
    f"/cb?code={CANARY}&x=1",
    f"/cb?x=1&state={CANARY}",
    f"/out?ID_TOKEN_HINT={CANARY}#f",
    f"?token={CANARY}",
    f"?access_token={CANARY}",
    f"?refresh_token={CANARY}",
    f"password={CANARY}",
    f"口令password={CANARY}",
    f"secret={CANARY}",
    f"client_secret={CANARY}",
    f"/resume?to=%2Fcb%3Fcode%3D{CANARY}%26x%3D1",
    f"/resume?to=%2Fcb%3fx%3d1%26state%3d{CANARY}",
    f"Authorization: Bearer {CANARY}",
    f"Basic {CANARY}=",
]


@pytest.mark.parametrize("leak", LEAKS)
@pytest.mark.parametrize("name", ["subject", "department", "object", "action", "reason", "rule", "id", "result"])
def test_no_credential_is_written_in_any_field(leak: str, name: str) -> None:
    assert CANARY.encode() not in encode(event(**{name: leak}))


@pytest.mark.parametrize("leak", LEAKS)
def test_no_credential_is_written_in_detail(leak: str) -> None:
    assert CANARY.encode() not in encode(event(detail={"note": leak, leak: 1}))


@pytest.mark.parametrize("name", ["password", "client_secret", "Authorization", "cookie", "otp", "id_token"])
def test_a_value_under_a_secret_name_is_never_written(name: str) -> None:
    assert CANARY.encode() not in encode(event(detail={name: CANARY}))


@pytest.mark.parametrize(
    "text", ["/permits/17", "user:01J8", "code", "state: parked", "/statecode/1", "decode=1", "eyJ", "cg_1"]
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert redact(text) == text


@given(st.text() | st.lists(st.sampled_from([*LEAKS, "&", "%26", " ", "x"])).map("".join))
def test_redacting_twice_changes_nothing_and_the_quick_look_misses_nothing(text: str) -> None:
    once = redact(text)
    assert redact(once) == once
    assert once == text or is_suspect(text)
