"""A route that needs a second person gets a route where it is approved; no request over a wire can bring an approval."""

import ast
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.facts import NO_FACTS
from authz.label import Label
from gateway.approval import approve_path, approved_path, with_approving_routes
from gateway.errors import GatewayError, InvalidRoute
from gateway.match import match
from gateway.routes import Route, RouteTable
from gateway.stages import Headers, Listener
from tests.architecture.source import dotted, files, tree
from tests.gateway.canonical_request import read_request

HOST = "marriage.localhost"


def route(path: str = "/departments/{department}/keys/{key}", **more: Any) -> Route:
    values = {
        "host": HOST, "system": "console", "department": "{department}" if "{department}" in path else "city",
        "actions": {"GET": "key:read", "POST": "key:rotate", "DELETE": "key:destroy"}, "label": Label.L4,
        "delivery": "local", "approval": {"key:rotate": "key:approve", "key:destroy": "key:approve"},
    }  # fmt: skip
    return Route(path=path, **values | more)


def test_the_twin_is_of_the_same_department_system_and_label_and_asks_for_the_approve_action() -> None:
    act, twin = with_approving_routes([route()])
    assert (twin.path, twin.actions) == (f"{act.path}/approve/{{request}}", {"POST": "key:approve"})
    same = ("host", "system", "department", "label", "labels", "delivery", "public")
    assert [getattr(twin, name) for name in same] == [getattr(act, name) for name in same]
    assert not twin.approval


@pytest.mark.parametrize(("asking", "approving", "found"), [(2, 3, 3), (4, 3, 4), (2, 1, 2)])
def test_to_approve_takes_at_least_the_label_of_asking(asking: int, approving: int, found: int) -> None:
    act, twin = with_approving_routes([route(label=Label(asking), approval_label=Label(approving))])
    assert (act.label, twin.label, twin.approval_label) == (asking, found, Label.L1)


def test_who_asks_and_who_approves_are_decided_on_the_same_object() -> None:
    table = RouteTable(with_approving_routes([route()]))
    path = b"/departments/civil/keys/k%201"
    asked, approved = (
        match(read_request(one, method=b"POST"), table, NO_FACTS) for one in (path, path + b"/approve/01J")
    )
    assert (asked.object, asked.department, asked.label) == (approved.object, approved.department, approved.label)
    assert (asked.action, approved.action) == ("key:rotate", "key:approve")


@given(st.text("abc/é ", max_size=8), st.text("01J", min_size=1))
def test_the_approved_path_is_read_back(path: str, number: str) -> None:
    assert approved_path(approve_path(path, number)) == path


@pytest.mark.parametrize(
    "wrong",
    [
        {"delivery": "proxy", "upstream": "http://u"}, {"public": True}, {"forward_auth": True},
        {"approval": {"key:other": "key:approve"}}, {"approval": {"key:rotate": "key:rotate"}},
        {"approval": {"key:rotate": "key:destroy"}}, {"approval": {"key:rotate": "a:b", "key:destroy": "c:d"}},
        {"approval": {"key:rotate": "read"}}, {"approval": {"key:rotate": "Key Approve"}},
        {"actions": {"GET": "read", "POST": "key:rotate"}, "approval": {"read": "key:approve"}},
        {"path": "/keys/**"}, {"path": "/keys/"}, {"path": "/requests/{request}"},
        {"approves": "/elsewhere", "approval": {}}, {"approval": {}, "approval_label": Label.L3},
        {"approves": "/x", "path": "/x/approve/{request}", "approval": {}, "delivery": "proxy", "upstream": "http://u"},
    ],
)  # fmt: skip
def test_an_approval_that_would_not_mean_one_thing_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidRoute, match="approv"):
        route(**wrong)


_NAMES = st.sampled_from([b"approver", b"resumed", b"x-approver", b"x-citygate-approver", b"x-citygate-resumed"])


@given(
    st.lists(st.tuples(_NAMES, st.sampled_from([b"user:li", b"01J"])), max_size=4).map(tuple),
    st.sampled_from([b"/a", b"/a?approver=user:li&resumed=01J", b"/.citygate/resume/01J?approver=user:li"]),
    st.sampled_from(list(Listener)),
)
def test_no_header_target_or_listener_brings_an_approver(headers: Headers, target: bytes, listener: Listener) -> None:
    try:
        inbound = read_request(target, *headers, listener=listener)
    except GatewayError:
        return
    assert (inbound.approver, inbound.resumed) == ("", "")


def test_only_the_view_that_sends_a_parked_request_again_names_an_approver() -> None:
    made = {"Raw": set(), "Inbound": set()}
    for file in files():
        for node in ast.walk(tree(file)):
            if isinstance(node, ast.Call) and dotted(node.func) in (*made, "replace"):
                given_names = {word.arg for word in node.keywords} & {"approver", "resumed"}
                if given_names and file.startswith(("gateway/", "console/", "city/")):
                    made.setdefault(dotted(node.func), set()).add(file)
    assert made == {"Raw": {"console/signin/pages.py"}, "Inbound": {"gateway/canonical.py"}}
