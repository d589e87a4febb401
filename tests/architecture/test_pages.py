"""The pages a stranger reads first: no line too wide, no link to nothing, no law that is cited and not written down."""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.architecture.source import ROOT, files

COLUMNS = 120
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
_LAWS = ROOT / "docs/laws.md"
_WIDE = ("W", "F")  # East Asian characters that take two columns
_CITED = re.compile(r"\b[Ll]aws? (\d+)(?:(?:, | and | to |-|–)(\d+))*")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_TESTED_OR_HELD = re.compile(r"^(?:Held|Tested) by: (.*?)\n\n", re.MULTILINE | re.DOTALL)


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def _width(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in _WIDE else 1 for character in line)


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_no_line_is_wider_than_a_screen(page: Path) -> None:
    """Tables apart: a row of a table is one line, however wide."""
    lines = enumerate(page.read_text().splitlines(), 1)
    assert [number for number, line in lines if _width(line) > COLUMNS and not line.startswith("|")] == []


def test_no_page_of_the_product_is_called_by_a_code() -> None:
    """Codes of a plan (a letter and a number) are defined nowhere a reader could look: a page is called by its name."""
    told = [ROOT / file for file in files()] + sorted((ROOT / "console").rglob("*.html")) + PAGES
    code = re.compile(r"(?<![\w%.])[SODC][1-9]\b")
    assert [(_name(file), *code.findall(file.read_text())) for file in told if code.search(file.read_text())] == []


@cache
def _anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _broken(page: Path) -> Iterator[str]:
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for link in _LINK.findall(text):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            yield link


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_link_leads_to_something(page: Path) -> None:
    assert list(_broken(page)) == []


def test_the_glossary_names_files_that_are_there() -> None:
    rows = re.findall(r"^\|.*\| ([^|]*) \|$", (ROOT / "docs/glossary.md").read_text(), re.MULTILINE)
    named = [name for where in rows for name in re.findall(r"`([^`]+)`", where)]
    assert len(named) > 100
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_a_word_stands_in_the_glossary_once() -> None:
    words = re.findall(r"^\| ([^|]+) \| [^|]*[\u4e00-\u9fff]", (ROOT / "docs/glossary.md").read_text(), re.MULTILINE)
    words = [word for word in words if word != "word"]  # the heads of the tables
    assert sorted(words) == sorted(set(words))


def _laws() -> dict[int, str]:
    """Number → what stands under it."""
    parts = re.split(r"^## (\d+)\. ", _LAWS.read_text(), flags=re.MULTILINE)
    return {int(number): text for number, text in zip(parts[1::2], parts[2::2], strict=True)}


def test_the_laws_are_sixteen_in_their_order() -> None:
    assert list(_laws()) == list(range(1, 17))


def _citing() -> list[Path]:
    return [*(ROOT / file for file in files()), *PAGES, *sorted((ROOT / "tests").rglob("*.py"))]


def test_every_law_that_is_cited_is_written_down() -> None:
    cited = {
        (int(number), _name(file))
        for file in _citing()
        for told in _CITED.finditer(file.read_text())
        for number in re.findall(r"\d+", told[0])
    }
    assert len(cited) > 10, "nobody cites a law any more"
    assert [one for one in sorted(cited) if one[0] not in _laws()] == []


@pytest.mark.parametrize("number", range(1, 17))
def test_a_law_names_files_that_hold_it_and_tests_that_are_there(number: int) -> None:
    held, tested = ([*re.findall(r"`([^`]+)`", named)] for named in _TESTED_OR_HELD.findall(_laws()[number] + "\n\n"))
    assert held
    assert tested
    assert [name for name in (*held, *tested) if not (ROOT / name).is_file()] == []
    assert [name for name in tested if not name.startswith("tests/")] == []
    assert [name for name in held if name.startswith("tests/")] == []
