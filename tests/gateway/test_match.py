"""What the route says about the object."""

import pytest

from authz.facts import NO_FACTS, Facts, SystemFact
from authz.label import Label
from gateway.errors import InlineOnly, MethodRefused, RouteUnknown
from gateway.match import match
from gateway.routes import Route, RouteTable
from gateway.stages import Listener
from tests.gateway.canonical_request import read_request

TABLE = RouteTable(
    [
        Route(
            host="marriage.localhost", path="/departments/{department}/**", system="marriage",
            department="{department}",
            actions={"GET": "read", "POST": "file"}, label=Label.L2, labels={"/departments/{any}/sealed/**": Label.L4},
            delivery="local",
        )
    ]
)  # fmt: skip


def test_the_department_of_the_object_is_the_one_in_the_path() -> None:
    matched = match(read_request(b"/departments/civil/people"), TABLE, NO_FACTS)
    assert (matched.department, matched.object) == ("civil", "/marriage/departments/civil/people")
    assert (matched.action, matched.label) == ("read", Label.L2)


@pytest.mark.parametrize(
    "target", [b"/departments/civil/sealed", b"/departments/x/sealed/", b"/departments/x/sealed/a?b"]
)
def test_the_highest_label_that_covers_the_path_counts(target: bytes) -> None:
    assert match(read_request(target), TABLE, NO_FACTS).label is Label.L4


def test_head_is_gets_action_and_another_method_says_what_is_allowed() -> None:
    assert match(read_request(b"/departments/civil/", method=b"HEAD"), TABLE, NO_FACTS).action == "read"
    with pytest.raises(MethodRefused) as refused:
        match(read_request(b"/departments/civil/", method=b"PUT"), TABLE, NO_FACTS)
    assert refused.value.allowed == ("GET", "POST")


def test_an_inline_route_is_no_answer_to_the_data_plane() -> None:
    original = [
        (b"x-original-method", b"GET"), (b"x-original-host", b"marriage.localhost:8080"),
        (b"x-original-target", b"/departments/civil/"), (b"x-original-scheme", b"http"),
        (b"x-original-address", b"192.0.2.1"),
    ]  # fmt: skip
    with pytest.raises(RouteUnknown):
        match(read_request(b"/auth", *original, listener=Listener.GATE), TABLE, NO_FACTS)


def _of_a_system(**given: object) -> RouteTable:
    actions = {"GET": "read", "POST": "file"}
    return RouteTable(
        [Route(host="marriage.localhost", path="/**", system="marriage", department="civil", actions=actions, **given)]  # type: ignore[arg-type]
    )


def _graded(label: Label) -> Facts:
    return Facts(systems={"marriage": SystemFact(department="civil", label=label)})


def test_a_route_without_a_label_has_its_systems_as_the_register_says_now() -> None:
    table = _of_a_system(
        registered=True, label=Label.L2, delivery="local", labels={"/open/**": Label.L1, "/x/**": Label.L4}
    )
    for label in Label:
        assert match(read_request(b"/a"), table, _graded(label)).label is label
        assert match(read_request(b"/x/a"), table, _graded(label)).label is max(label, Label.L4)
    assert match(read_request(b"/a"), table, NO_FACTS).label is Label.L5


def test_a_label_of_its_own_stays_whatever_the_grade() -> None:
    table = _of_a_system(label=Label.L1, delivery="local")
    assert match(read_request(b"/a"), table, _graded(Label.L3)).label is Label.L1


def test_a_write_that_a_grade_raised_above_two_is_no_longer_the_data_planes() -> None:
    table = _of_a_system(registered=True, label=Label.L2, upstream="http://127.0.0.1:9", forward_auth=True)
    original = [
        (b"x-original-method", b"POST"), (b"x-original-host", b"marriage.localhost:8080"),
        (b"x-original-target", b"/a"), (b"x-original-scheme", b"http"), (b"x-original-address", b"192.0.2.1"),
    ]  # fmt: skip
    asked = read_request(b"/auth", *original, listener=Listener.GATE)
    assert match(asked, table, _graded(Label.L2)).label is Label.L2
    with pytest.raises(InlineOnly):
        match(asked, table, _graded(Label.L3))
    original[0] = (b"x-original-method", b"GET")
    assert match(read_request(b"/auth", *original, listener=Listener.GATE), table, _graded(Label.L3)).label is Label.L3
