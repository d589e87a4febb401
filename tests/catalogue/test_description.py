"""What a name and a text may be: hostile ones are refused, and told what to do."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.description import (
    DESCRIBED,
    clean_texts,
    wrong_with_description,
    wrong_with_name,
    wrong_with_place,
    wrong_with_text,
)
from console.shell.reasons import REASONS
from tests.catalogue.publishing_city import described

TODAY = date(2026, 3, 2)
HOSTILE = [
    "<x>", "a\nb", "a;b", "-rf", "../x", "=1+1", "+1", "@x", "a\u202eb", "a\x00b", "a\tb", "'", '"', "a|b", "`id`", "$(id)",
    "{{7}}", "%00", "\u200b", "a\u2028b", "x" * 81, "_a\r",
]  # fmt: skip


def codes(errors: object) -> list[str]:
    return [one["code"] for one in errors]  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_refused_and_told_what_to_do(name: str) -> None:
    assert codes(wrong_with_name(name)) == ["name-invalid"]
    assert codes(wrong_with_name("")) == ["text-missing"]
    assert {"name-invalid", "text-missing", "text-invalid"} <= REASONS.keys()


@pytest.mark.parametrize("name", ["不动产登记信息", "婚姻登记（民政局）", "A-1 files", "2026 年度：全市", "Ångström"])
def test_names_of_any_script_are_names(name: str) -> None:
    assert codes(wrong_with_name(name)) == []


@given(st.text())
def test_a_name_that_is_accepted_holds_nothing_a_sink_would_read(name: str) -> None:
    if not codes(wrong_with_name(name)):
        assert not set(name) & set("<>&\"'`;|$\\{}%=+@\n\r\t\0")
        assert name[0].isalnum() or name[0] == "_"


@given(st.text(max_size=200))
def test_a_text_that_is_accepted_is_one_line_and_no_formula(text: str) -> None:
    if not codes(wrong_with_text(text, field="purpose")):
        assert text.isprintable()
        assert text[0] not in "=+-@"


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("produced", "2026-03-03", "date-future"), ("produced", "20260301", "date-invalid"), ("produced", "", "date-invalid"),
        ("produced", "2026-02-30", "date-invalid"), ("carrier", "", "text-missing"), ("location", "=cmd", "text-invalid"),
        ("description", "x" * 1001, "text-invalid"), ("form", "a\nb", "text-invalid"), ("publisher", "x" * 121, "text-invalid"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_of_its_field(field: str, value: str, code: str) -> None:
    assert list(wrong_with_description(described(**{field: value}), today=TODAY)) == [{"field": field, "code": code}]


def test_a_whole_description_is_accepted_in_one_form() -> None:
    assert list(wrong_with_description(described(), today=TODAY)) == []
    assert clean_texts(described(name=" e\u0301 "), DESCRIBED)["name"] == "é"


@pytest.mark.parametrize(
    "path", ["", "open", "/", "//x", "/a/../b", "/.", "/..", "/a/", "/a;b", "/*", "/:x", "/a b", "/%2e", "/中", "/a\n", "/a" * 9]
)  # fmt: skip
def test_a_path_that_could_be_a_pattern_or_another_path_is_refused(path: str) -> None:
    assert codes(wrong_with_place("housing", path)) == ["path-invalid"]


@pytest.mark.parametrize("system", ["", "Housing", "-x", "../x", "a" * 64, "a;b", "*"])
def test_a_system_is_a_slug(system: str) -> None:
    assert codes(wrong_with_place(system, "/open")) == ["slug-invalid"]
