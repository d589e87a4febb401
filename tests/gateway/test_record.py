"""What a decision's record says, and what it never does."""

from audit.event import encode
from tests.gateway.door import LI, GatewayDoor


async def test_a_record_says_who_asked_for_what_from_where_by_which_rule(door: GatewayDoor) -> None:
    cookie = door.sign_in()
    await door.ask("/low/1?q=canary-query", cookie=cookie)
    (record,) = door.records()
    assert (record.subject, record.department, record.object, record.action) == (LI, "city", "/permits/low/1", "read")
    assert (record.label, record.result, record.rule) == (2, "permit", "1-read")
    assert record.detail == {
        "address": "192.0.2.7",
        "assurance": 2,
        "host": "permits.localhost",
        "method": "GET",
        "session": door.session_of(cookie),
        "version": 0,
    }


async def test_no_record_holds_a_name_a_credential_or_a_query(door: GatewayDoor) -> None:
    cookie, key = door.sign_in(assurance=3), door.key()
    await door.ask("/secret/1?q=canary-query", cookie=cookie)
    await door.ask("/low/1", (b"authorization", key))
    await door.ask("/nowhere", (b"authorization", b"Bearer canary-key"), (b"cookie", b"x=canary-cookie"))
    written = b"".join(encode(one) for one in door.records())
    for secret in (cookie.encode(), key[7:], b"canary"):
        assert secret not in written


async def test_a_low_read_has_no_outcome_record_and_a_write_has_one(door: GatewayDoor) -> None:
    cookie = door.sign_in()
    await door.ask("/low/1", cookie=cookie)
    await door.ask("/low/1", cookie=cookie, method="POST", body=b"x")
    assert [one.kind for one in door.records()] == ["decision", "decision", "outcome"]
