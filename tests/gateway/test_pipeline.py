"""`handle`, whole: what no request gets past, and what is recorded of each."""

from tests.gateway.door import Door


async def test_a_permitted_read_reaches_the_upstream_and_is_recorded_before(door: Door) -> None:
    answer = await door.ask("/low/1", cookie=door.sign_in())
    assert (answer.status, answer.body, len(door.heard)) == (200, b"ok", 1)
    assert [(one.kind, one.subject, one.object, one.result) for one in door.records()] == [
        ("decision", "user:li", "/permits/low/1", "permit")
    ]
