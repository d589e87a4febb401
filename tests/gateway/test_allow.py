"""Forward-auth in two steps: a question that is decided, and a refusal that is told."""

from tests.gateway.door import ASKED, HOST, GatewayDoor, header

TYPE = (b"content-type", b"text/plain")


def _cookie(door: GatewayDoor, **who: object) -> tuple[bytes, bytes]:
    return b"cookie", f"a=b; __Host-citygate={door.sign_in(host=ASKED, **who)}".encode()  # type: ignore[arg-type]


async def test_yes_brings_the_assertion_and_the_clients_own_cookies(door: GatewayDoor) -> None:
    answer = await door.forward_auth().answer(door.question("/low/1", _cookie(door)))
    assert (answer.status, header(answer, b"x-citygate-cookie")) == (204, "a=b")
    assert header(answer, b"x-citygate-assertion").count(".") == 2
    assert not door.heard
    assert [(one.kind, one.object, one.detail["address"]) for one in door.records()] == [
        ("decision", "/asked/low/1", "192.0.2.9")
    ]


async def test_no_is_401_or_403_and_its_page_is_told_in_the_second_step(door: GatewayDoor) -> None:
    gate, stranger = door.forward_auth(), _cookie(door, subject="user:wang")
    for cookie, status in (((), 401), ((stranger,), 403)):
        first = await gate.answer(door.question("/low/1", *cookie))
        assert (first.status, first.body) == (status, b"")
        named = (b"x-citygate-refusal", header(first, b"x-citygate-refusal").encode())
        second = await gate.answer(door.question("/low/1", *cookie, named, asked="/refusal"))
        assert (second.status, header(second, b"x-request-id").encode()) == (status, named[1])
    assert [one.kind for one in door.records()] == ["refusal", "refusal"]


async def test_other_statuses_become_403_for_the_data_plane_and_are_told_later(door: GatewayDoor) -> None:
    gate = door.forward_auth()
    first = await gate.answer(door.question("/nowhere"))
    named = (b"x-citygate-refusal", header(first, b"x-citygate-refusal").encode())
    second = await gate.answer(door.question("/nowhere", named, asked="/refusal"))
    assert (first.status, second.status) == (403, 404)


async def test_a_kept_refusal_is_for_exactly_its_request_and_once(door: GatewayDoor) -> None:
    gate = door.forward_auth()

    async def told(target: str = "/low/1", method: str = "GET", host: str = ASKED) -> int:
        first = await gate.answer(door.question("/low/1"))
        named = (b"x-citygate-refusal", header(first, b"x-citygate-refusal").encode())
        again = door.question(target, named, method=method, host=host, asked="/refusal")
        status = (await gate.answer(again)).status
        assert (await gate.answer(again)).status == 400
        return status

    assert await told() == 401
    assert [await told("/low/2"), await told(method="POST"), await told(host=HOST), await told("/low/1?x")] == [400] * 4


async def test_an_unknown_refusal_is_400(door: GatewayDoor) -> None:
    for named in ((), ((b"x-citygate-refusal", b"01J"),)):
        assert (await door.forward_auth().answer(door.question("/low/1", *named, asked="/refusal"))).status == 400


async def test_the_doors_own_paths_are_sent_inline_undecided(door: GatewayDoor) -> None:
    answer = await door.forward_auth().answer(door.question("/.citygate/login"))
    assert (answer.status, header(answer, b"x-citygate-served-by"), door.records()) == (403, "door", [])


async def test_an_inline_host_is_not_the_data_planes_to_ask_about(door: GatewayDoor) -> None:
    cookie = (b"cookie", f"__Host-citygate={door.sign_in(assurance=3)}".encode())
    answer = await door.forward_auth().answer(door.question("/secret/1", cookie, host=HOST))
    assert (answer.status, header(answer, b"x-citygate-assertion")) == (403, "")
    assert door.records()[-1].reason == "route-unknown"


async def test_the_second_step_parks_the_body_that_came_with_it(door: GatewayDoor) -> None:
    gate, cookie = door.forward_auth(), _cookie(door, assurance=1)
    first = await gate.answer(door.question("/low/1", cookie, method="POST", page=True))
    named = (b"x-citygate-refusal", header(first, b"x-citygate-refusal").encode())
    second = await gate.answer(
        door.question("/low/1", cookie, named, TYPE, method="POST", asked="/refusal", body=b"kept", page=True)
    )
    assert second.status == 401
    assert b"/.citygate/resume/" in second.body or b"%2F.citygate%2Fresume%2F" in second.body  # type: ignore[operator]
