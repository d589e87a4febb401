"""The route table: one route or none for every path, labels that no spelling escapes, and no door path upstream."""

import contextlib
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.label import Label
from authz.pattern import segments_of
from authz.request import ANONYMOUS
from gateway.errors import InvalidRoute, RouteUnknown, TargetRefused
from gateway.public_rules import public_rules
from gateway.routes import Route, RouteTable, is_door_path, load_routes, segment_named
from tests.gateway.canonical_request import read_request

HOST = "marriage.localhost"


def route(path: str = "/**", **more: Any) -> Route:
    values = {
        "host": HOST,
        "system": "marriage",
        "department": "civil",
        "actions": {"GET": "read"},
        "label": Label.L1,
        "upstream": "http://u",
    }
    return Route(path=path, **values | more)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("/a", "/a"), ("/**", "/a"), ("/**", "/"), ("/a/**", "/a"), ("/a/**", "/a/"), ("/a/**", "/a/b/c"),
        ("/{x}", "/a"), ("/{x}/b", "/a/{y}"), ("/a/**", "/{x}/b"), ("/{x}/**", "/a/**"), ("/a/{x}", "/a/**"),
    ],
)  # fmt: skip
def test_two_routes_that_could_serve_one_path_are_refused(one: str, other: str) -> None:
    for paths in ((one, other), (other, one)):
        with pytest.raises(InvalidRoute, match="overlap"):
            RouteTable([route(path) for path in paths])


@pytest.mark.parametrize(
    "paths_of",
    [
        {"/a": "/a", "/b": "/b"}, {"/a": "/a", "/a/": "/a/"}, {"/": "/", "/{x}": "/a"}, {"/a": "/a", "/A": "/A"},
        {"/{x}/a": "/b/a", "/{x}/b": "/a/b"}, {"/a/**": "/a/b/c", "/b/**": "/b"},
    ],
)  # fmt: skip
def test_routes_that_share_no_path_live_side_by_side(paths_of: dict[str, str]) -> None:
    table = RouteTable([route(pattern) for pattern in paths_of])
    assert {table.find(HOST, path)[0].path: path for path in paths_of.values()} == paths_of


_PARTS = ["a", "b", "{x}", ".citygate", "login"]
_patterns = st.builds(
    lambda parts, end: "/" + "/".join([*parts, *end]),
    st.lists(st.sampled_from(_PARTS), max_size=3),
    st.sampled_from([["**"], [""], []]),
)
_paths = st.lists(st.sampled_from(["a", "b", "c", ".citygate", "login"]), max_size=4).flatmap(
    lambda parts: st.sampled_from(["/" + "/".join(parts), "/" + "/".join([*parts, ""])])
)


def _regex(pattern: str) -> re.Pattern[str]:
    """The oracle: what a pattern means, said another way."""
    body = re.sub(
        r"\\\{[a-z]+\\\}", "[^/]+", re.escape(pattern).replace(r"/\*\*", "(/.*)?" if pattern != "/**" else "/.*")
    )
    return re.compile(body, re.DOTALL)


def _serves(one: Route, path: str) -> bool:
    return bool(_regex(one.path).fullmatch(path)) and is_door_path(path) == is_door_path(one.path)


@given(st.lists(_patterns, max_size=6, unique=True), _paths)
def test_find_agrees_with_regular_expressions(patterns: list[str], path: str) -> None:
    routes: list[Route] = []
    for pattern in patterns:
        local = {"delivery": "local", "upstream": ""} if is_door_path(pattern) else {}
        with contextlib.suppress(InvalidRoute):  # it overlaps: whatever a table does hold, it finds
            RouteTable([*routes, route(pattern, **local)])
            routes.append(route(pattern, **local))
    serving = [one for one in routes if _serves(one, path)]
    assert len(serving) <= 1
    try:
        found = [RouteTable(routes).find(HOST, path)[0]]
    except RouteUnknown:
        found = []
    assert found == serving


@given(
    st.text(st.sampled_from("/abcde.%~:!-é密E4B8AD20"), max_size=16),
    st.sampled_from(["", "/", "/x", "/x/y", "//", "/."]),
)
def test_no_canonical_path_under_a_labelled_one_has_a_lower_label(prefix: str, rest: str) -> None:
    pattern = f"/{prefix}/**"
    with contextlib.suppress(InvalidRoute, TargetRefused):
        labelled = route("/**", labels={"/a/**": Label.L2, pattern: Label.L4})
        path = read_request(f"/{prefix}{rest}".encode()).path
        assert labelled.label_of(tuple(path[1:].split("/")), {}) is Label.L4


@given(st.text(st.sampled_from("/ab.%~:!-éE4B8AD20{x}"), max_size=16))
def test_a_pattern_that_no_canonical_path_could_match_is_refused(text: str) -> None:
    with contextlib.suppress(InvalidRoute):
        route("/" + text)
        read_request(re.sub(r"\{[a-z]+\}", "x", "/" + text).encode())  # raises TargetRefused for what nobody could ask


def test_labels_are_highest_wins_and_the_routes_own_without_one() -> None:
    one = route("/**", label=Label.L2, labels={"/a/**": Label.L3, "/a/b/**": Label.L1, "/{x}/c/**": Label.L5})
    label = {
        path: one.label_of(tuple(path[1:].split("/")), {})
        for path in ("/", "/a", "/a/", "/a/b/z", "/b", "/a/c", "/q/c/d")
    }
    assert list(label.values()) == [2, 3, 3, 3, 2, 5, 5]


@pytest.mark.parametrize("pattern", ["/**", "/{a}/**", "/{a}/{b}/{c}/{d}", "/{a}/{b}/{c}/**"])
@pytest.mark.parametrize("path", ["/.citygate/x", "/.citygate/a/b/c", "/.well-known/citygate/x/y", "/.citygate/"])
def test_a_door_path_never_reaches_an_upstream(pattern: str, path: str) -> None:
    door = route("/.citygate/login", delivery="local", upstream="")
    with contextlib.suppress(InvalidRoute):
        table = RouteTable([route(pattern), door])
        with pytest.raises(RouteUnknown):
            table.find(HOST, path)


def test_an_upstream_cannot_be_given_a_door_path() -> None:
    for path in ("/.citygate/x", "/.citygate/**", "/.well-known/citygate/{x}"):
        with pytest.raises(InvalidRoute, match="upstream"):
            route(path)


@pytest.mark.parametrize(
    "wrong",
    [
        {"host": "Marriage.localhost"}, {"host": "a_b"}, {"host": ""}, {"path": "a"}, {"path": "/a/**/b"},
        {"path": "/a*"}, {"path": "/{x}/{x}"},
        {"path": "/a//b"}, {"path": "/../a"}, {"path": "/%41"}, {"path": "/%e4"}, {"path": "/:x"}, {"path": "/a?b"},
        {"system": "A"}, {"department": "{department}"}, {"department": ""}, {"actions": {}},
        {"actions": {"GET": "Read"}},
        {"actions": {"POST": "read"}}, {"actions": {"get": "read"}}, {"actions": {"CONNECT": "tunnel"}},
        {"labels": {"/a": 3}}, {"labels": {"/a//**": 3}}, {"labels": {"/%2e/**": 3}}, {"delivery": "magic"},
        {"upstream": ""}, {"delivery": "local"}, {"grace_seconds": 601}, {"deadline_seconds": 0}, {"body_bytes": -1},
        {"concurrency": 0}, {"public": "false"}, {"forward_auth": 0}, {"department": "*", "path": "/{department}/**"},
    ],
)  # fmt: skip
def test_a_route_that_would_not_mean_one_thing_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidRoute):
        route(**{"path": "/**", **wrong})


@pytest.mark.parametrize(
    "text",
    [
        "[[routes]", "", "routes = 1", '[[routes]]\nhost = "a"', "[[routes]]\nhost = 1", "BASE\nunknown = 1",
        "BASE\nlabel = 9",
        'BASE\nlabels = { "/a" = 3 }', "BASE\ngrace_seconds = 601", "BASE\nactions = 7", 'BASE\nbody_bytes = "1"',
    ],
)  # fmt: skip
def test_a_file_that_is_not_a_route_table_is_refused_whole(tmp_path: Path, text: str) -> None:
    base = f'[[routes]]\nhost = "{HOST}"\npath = "/**"\nsystem = "m"\ndepartment = "c"\nupstream = "http://u"\n' + (
        "" if "actions" in text else 'actions = { GET = "read" }'
    )
    file = tmp_path / "routes.toml"
    file.write_text(text.replace("BASE", base))
    with pytest.raises(InvalidRoute, match=r"routes.toml|not valid"):
        load_routes(file)


@pytest.mark.parametrize(
    ("routes", "why"),
    [
        ([{"path": "/a", "forward_auth": True}, {"path": "/b"}], "as a whole"),
        ([{"label": Label.L3, "actions": {"POST": "file"}, "forward_auth": True}], "inline"),
        ([{"labels": {"/x/**": Label.L3}, "actions": {"PUT": "file"}, "forward_auth": True}], "inline"),
        ([{"forward_auth": True, "websocket": True}], "WebSocket"),
    ],
)
def test_forward_auth_is_not_asked_for_what_it_cannot_do(routes: list[dict[str, Any]], why: str) -> None:
    with pytest.raises(InvalidRoute, match=why):
        RouteTable([route(**{"path": "/**", **one}) for one in routes])


def test_what_is_public_is_a_rule_for_everybody_and_for_nothing_else() -> None:
    rules = public_rules([route("/a/{x}/**", public=True), route("/b")])
    assert [(one.subject, one.object, one.action) for one in rules] == [(ANONYMOUS, "/marriage/a/:x/*", "read")]
    assert segments_of(rules[0].object)


def test_a_segment_by_its_name() -> None:
    assert segment_named("/a/{department}/b", ("a", "civil", "b"), "department") == "civil"


def test_a_route_without_a_label_has_its_systems_and_an_unknown_systems_is_the_highest(tmp_path: Path) -> None:
    file = tmp_path / "routes.toml"
    entry = '[[routes]]\nhost = "a"\npath = "/{p}"\nsystem = "{s}"\ndepartment = "c"\nupstream = "http://u"\n'
    entries = (entry.replace("{p}", s).replace("{s}", s) + 'actions = { GET = "read" }\n' for s in ("known", "other"))
    file.write_text("".join(entries))
    assert [one.label for one in load_routes(file, labels={"known": Label.L2})] == [Label.L2, Label.L5]
