"""What the route says about the object."""

import pytest

from authz.label import Label
from gateway.errors import MethodRefused, RouteUnknown
from gateway.match import match
from gateway.routes import Route, RouteTable
from gateway.stages import Listener
from tests.gateway.asked import read

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
    matched = match(read(b"/departments/civil/people"), TABLE)
    assert (matched.department, matched.object) == ("civil", "/marriage/departments/civil/people")
    assert (matched.action, matched.label) == ("read", Label.L2)


@pytest.mark.parametrize(
    "target", [b"/departments/civil/sealed", b"/departments/x/sealed/", b"/departments/x/sealed/a?b"]
)
def test_the_highest_label_that_covers_the_path_counts(target: bytes) -> None:
    assert match(read(target), TABLE).label is Label.L4


def test_head_is_gets_action_and_another_method_says_what_is_allowed() -> None:
    assert match(read(b"/departments/civil/", method=b"HEAD"), TABLE).action == "read"
    with pytest.raises(MethodRefused) as refused:
        match(read(b"/departments/civil/", method=b"PUT"), TABLE)
    assert refused.value.allowed == ("GET", "POST")


def test_an_inline_route_is_no_answer_to_the_data_plane() -> None:
    original = [
        (b"x-original-method", b"GET"), (b"x-original-host", b"marriage.localhost:8080"),
        (b"x-original-target", b"/departments/civil/"), (b"x-original-scheme", b"http"),
        (b"x-original-address", b"192.0.2.1"),
    ]  # fmt: skip
    with pytest.raises(RouteUnknown):
        match(read(b"/auth", *original, listener=Listener.GATE), TABLE)
