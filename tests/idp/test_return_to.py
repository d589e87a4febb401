"""Where a login leads to: a place of the same origin, for every reader, or home."""

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.return_to import safe_return_to
from tests.issuer.live import (
    MARRIAGE,
)

EVIL = "evil.example"
HOSTILE = [
    "", EVIL, "@@" + EVIL, "//" + EVIL, "///" + EVIL, "////" + EVIL, "/\\" + EVIL, "\\/" + EVIL, "\\\\" + EVIL,
    "/\\/" + EVIL, "//\\" + EVIL, "/\\\\" + EVIL, "\\" + EVIL, "/ /" + EVIL, " //" + EVIL, " /x", "/x ", "\t//" + EVIL,
    "/\t/" + EVIL, "/\n/" + EVIL, "/\r/" + EVIL, "/\r\n/" + EVIL, "/\x00/" + EVIL, "/\x0b/" + EVIL, "/\x0c/" + EVIL,
    "/\x7f/" + EVIL, "/\x80/" + EVIL, "/\xa0/" + EVIL, "/\u3002/" + EVIL, "/\uff0f" + EVIL, "/\u2044" + EVIL,
    "/\u2215" + EVIL, "/\u29f8" + EVIL, "/\uff3c" + EVIL, "/\u200b/" + EVIL, "/\u2028/" + EVIL, "/\ufeff/" + EVIL,
    "//evil\u3002example", "//evil%E3%80%82example", "/%09/" + EVIL, "/%0a/" + EVIL, "/%0d/" + EVIL, "/%0d%0a/" + EVIL,
    "/%00/" + EVIL, "/%1f/" + EVIL, "/%7f/" + EVIL, "/%2f" + EVIL, "/%2F" + EVIL, "/%2f%2f" + EVIL, "/%5c" + EVIL,
    "/%5C%5C" + EVIL, "%2f%2f" + EVIL, "%2f/" + EVIL, "/x%2f..%2f" + EVIL, "/%2e%2e//" + EVIL, "/%2e/x", "/x/%2E%2e",
    "/./" + EVIL, "/../" + EVIL, "/..//" + EVIL, "/.//" + EVIL, "/x/..//" + EVIL, "/x//" + EVIL, "/x/.", "/x/..", "/.",
    "/..", "//", "///", "/x//", "//@" + EVIL, "//user@" + EVIL, "//user:password@" + EVIL, "/@/\\" + EVIL,
    "//" + EVIL + "@marriage.localhost", "//marriage.localhost@" + EVIL, "//marriage.localhost@@" + EVIL,
    "//marriage.localhost:8000@" + EVIL, "//127.1", "//0x7f000001", "//2130706433", "//[::1]", "//[::ffff:127.0.0.1]",
    "http://" + EVIL, "https://" + EVIL, "HTTP://" + EVIL, "http:/" + EVIL, "http:" + EVIL, "http:\\\\" + EVIL,
    "https:///" + EVIL, "ftp://" + EVIL, "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)",
    "data:text/html,x", "vbscript:x", "blob:x", "mailto:x@" + EVIL, "file:///etc/passwd", "://" + EVIL, ":" + EVIL,
    MARRIAGE + "/files/1", MARRIAGE + "@" + EVIL, MARRIAGE + "." + EVIL, "?//" + EVIL, "#//" + EVIL, "/#" + EVIL,
    "/x#//" + EVIL, "/x?y#z", "/x?a=\\" + EVIL, "/x?a=\nSet-Cookie:b", "/x\r\nLocation: http://" + EVIL, "/x?a=\x00",
    "/x?\u3002", "/%", "/%x", "/%2", "/%zz", "/%u002f", "*", ".", "..", "./x", "../x", "x", ";//" + EVIL,
    "/" + "x" * 2000,
]  # fmt: skip


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_destination_leads_home(hostile: str) -> None:
    assert safe_return_to(hostile) == "/"


def test_the_corpus_is_not_small() -> None:
    assert len(set(HOSTILE)) >= 100


@pytest.mark.parametrize(
    "plain",
    [
        "/",
        "/files/1",
        "/files/1?page=2&next=http://x//y",
        "/a.b/..c/d..",
        "/~li/@home;v=1",
        "/%E5%A9%9A%E5%A7%BB",
        "/x?",
        "/x/",
    ],
)
def test_a_plain_destination_is_kept(plain: str) -> None:
    assert safe_return_to(plain) == plain


@given(st.text(st.sampled_from("/\\.@:?#%25fFcCeE09 \t\r\nax;\u3002\uff0f"), max_size=12))
def test_no_destination_leaves_the_origin_for_any_reader(target: str) -> None:
    kept = safe_return_to(target)
    browsers_reading = kept.replace("\\", "/").replace("\t", "").replace("\n", "").replace("\r", "").strip()
    for reading in (kept, browsers_reading):
        parts = urlsplit(urljoin(MARRIAGE + "/x/y", reading))
        assert f"{parts.scheme}://{parts.netloc}" == MARRIAGE
