"""One reading or none: a corpus of what must be refused, and mutators that must never lead to a second spelling."""

import itertools
from collections.abc import Callable
from urllib.parse import quote, unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import GatewayError, TargetRefused
from gateway.stages import Headers, Listener
from tests.gateway.canonical_request import NOW, read_request


def test_what_has_one_reading_is_taken_byte_for_byte() -> None:
    inbound = read_request(b"/a/~b(c)!/%E4%B8%AD%20x?next=%2F..;//%zz", (b"Accept", b"*/*"))
    assert (inbound.path, inbound.query) == ("/a/~b(c)!/%E4%B8%AD%20x", "next=%2F..;//%zz")
    assert inbound.target == "/a/~b(c)!/%E4%B8%AD%20x?next=%2F..;//%zz"
    assert (inbound.id, inbound.at, inbound.method, inbound.address) == ("01J", NOW, "GET", "192.0.2.7")
    assert (inbound.host, inbound.origin) == ("marriage.localhost", "http://marriage.localhost:8080")
    assert inbound.headers == ((b"host", b"marriage.localhost:8080"), (b"accept", b"*/*"))


@pytest.mark.parametrize(
    "target", [b"/", b"/a", b"/a/", b"/a.b/...", b"/a/.b", b"/users/li@example.org", b"/x:1,2=3&4+5*6'$"]
)
def test_usual_paths_are_taken(target: bytes) -> None:
    assert read_request(target).target.encode() == target


def test_a_lone_trailing_question_mark_is_removed() -> None:
    assert read_request(b"/a?").target == read_request(b"/a").target == "/a"


@pytest.mark.parametrize(
    "target",
    [
        *(b"", b"*", b"a", b"?x", b"#", b"marriage.localhost:8080", b"http://marriage.localhost:8080/a"),
        *(b"http://evil/a", b"HTTP://evil", b"/a/../b", b"/..", b"/a/..", b"/./a", b"/a/.", b"//a", b"/a//b"),
        *(b"/a//", b"/a;b", b"/a;/../b", b"/a/..;/b", b"/%2e%2e/a", b"/%2E%2E/a", b"/.%2e/a", b"/a%2fb", b"/a%2Fb"),
        *(b"/a%5cb", b"/a%5Cb", b"/a\\b", b"/%00", b"/a%0a", b"/a%0D", b"/a%3bb", b"/a%3Bb", b"/a%3Fb", b"/a%23b"),
        *(b"/a#b", b"/a?b#c", b"/a b", b"/a\tb", b"/a\r\nb", b"/a\x00b", b"/a\x7f", b"/%61", b"/%41", b"/%7E"),
        *(b"/%2D", b"/%40", b"/%3A", b"/%252e", b"/%25", b"/%", b"/%e", b"/%zz", b"/%u002e", b"/%%32%65"),
        *(b"/\xe4\xb8\xad", b"/\xff", b"/%FF", b"/%E4%B8", b"/%e4%b8%ad", b"/%E4%b8%AD", b"/%C0%AE", b"/%C0%AF"),
        *(b"/%E0%80%AF", b"/%ED%A0%80", b"/%F4%90%80%80", b"/%C2%80", b"/%C2%85", b"/%E2%80%AE", b"/%E2%80%8B"),
        *(b"/%EF%BB%BF", b"/%EF%BC%8F", b"/%EF%BC%BC", b"/%EF%BC%8E%EF%BC%8E", b"/%E2%80%A5", b"/%E2%84%80"),
        *(b"/e%CC%81", b"/.%EF%BC%8E", b"/[a]", b"/{a}", b"/a|b", b"/a^b", b"/a`b", b'/a"b', b"/<a>", b"/%20 "),
        *(b"/%5b", b"/?a b", b"/?\xe4", b"/?\x00"),
        b"/" + b"a" * 8192,
    ],
)
def test_a_target_with_two_readings_is_refused(target: bytes) -> None:
    with pytest.raises(TargetRefused):
        read_request(target)


MUTATORS: tuple[Callable[[bytes, int], bytes], ...] = (
    lambda p, at: p[:at] + b"%%%02x" % p[at] + p[at + 1 :],
    lambda p, at: p[:at] + b"%%%02X" % p[at] + p[at + 1 :],
    lambda p, at: p[:at] + b"%%25%02X" % p[at] + p[at + 1 :],
    lambda p, at: p[:at] + b"/" + p[at:],
    lambda p, at: p[:at] + b"/./" + p[at:],
    lambda p, at: p[:at] + b"/x/../" + p[at:],
    lambda p, at: p[:at] + b"/%2e%2e/" + p[at:],
    lambda p, at: p[:at] + b"\\" + p[at:],
    lambda p, at: p[:at] + b";x" + p[at:],
    lambda p, at: p[:at] + b"%00" + p[at:],
    lambda p, at: p[:at] + b"#" + p[at:],
    lambda p, at: p[:at] + b"\x00" + p[at:],
    lambda p, at: p[:at] + unquote_to_bytes(p[at:]),
    lambda p, at: p[:at] + p[at:].lower() if b"%" in p[at:] else p,
    lambda p, at: quote(p.decode("latin-1"), safe="/%").encode(),
    lambda p, at: b"http://marriage.localhost:8080" + p,
    lambda p, at: b"http://evil" + p,
    lambda p, at: p + b"?",
)
SEGMENT = st.text(st.sampled_from("abzAZ019-._~!$&'()*+,=:@ 中文é\"<>[]^`{|}"), min_size=1, max_size=6)
PROTECTED = st.lists(SEGMENT, min_size=1, max_size=4).map(
    lambda segments: "".join("/" + quote(segment, safe="-._~!$&'()*+,=:@") for segment in segments).encode()
)


@given(PROTECTED, st.lists(st.tuples(st.sampled_from(MUTATORS), st.integers(0, 200)), min_size=1, max_size=3))
def test_a_mutated_path_is_refused_or_the_same_or_another_resource(
    path: bytes, changes: list[tuple[Callable[[bytes, int], bytes], int]]
) -> None:
    try:
        protected = read_request(path)
    except TargetRefused:  # "." and ".." as a whole segment
        return
    mutated = path
    for mutate, at in changes:
        mutated = mutate(mutated, at % len(mutated))
    try:
        taken = read_request(mutated)
    except TargetRefused:
        return
    same = unquote_to_bytes(taken.path) == unquote_to_bytes(path)  # the oracle: what an upstream would serve
    assert (taken.path == protected.path) is same


@given(st.binary(max_size=12).map(lambda tail: b"/" + tail))
def test_two_targets_that_are_taken_never_decode_to_one_path(target: bytes) -> None:
    try:
        taken = read_request(target)
    except TargetRefused:
        return
    assert taken.target == target.decode("ascii").removesuffix("?") or target.endswith(b"?")
    assert quote(unquote_to_bytes(taken.path), safe="/-._~!$&'()*+,=:@") == taken.path


@given(st.lists(st.tuples(st.binary(max_size=8), st.binary(max_size=8)), max_size=6).map(tuple), st.binary(max_size=10))
def test_whatever_arrives_is_taken_or_refused_by_name(headers: Headers, target: bytes) -> None:
    for listener in Listener:
        try:
            read_request(target, *headers, listener=listener)
        except GatewayError as refusal:
            assert refusal.code != "gateway"  # noqa: PT017 - taking it is right as well


def test_refusals_never_repeat_what_was_sent() -> None:
    for target, headers in itertools.product((b"/canary;", b"/"), (((b"X-A", b"canary\x00"),), ())):
        try:
            read_request(target, *headers)
        except GatewayError as refusal:
            assert "canary" not in str(refusal)  # noqa: PT017
