"""The pages: complete in both languages, well-formed, labelled, without inline code, light and legible."""

import gzip
import re
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from jinja2 import UndefinedError

from console.shell import reasons, words
from console.shell.render import Renderer, in_language, language, when, without
from console.words import WORDS, join_words
from gateway.problems import STATUSES
from tests.console.sample_frame import NOW
from tests.console.sample_pages import pages

CONSOLE = Path(__file__).parents[2] / "console"
TEMPLATES = {path.name for path in CONSOLE.glob("*/templates/*.html")} - {"layout.html", "macros.html"}
REFERENCES = ("for", "aria-labelledby", "aria-describedby")
VOID = {"meta", "link", "input", "br"}
LANGS = ("zh-CN", "en")
RENDERER = Renderer(WORDS, static_url="/static")

every_page = pytest.mark.parametrize(
    ("template", "context"), [pytest.param(name, values, id=f"{name}-{state}") for name, state, values in pages()]
)
in_both = pytest.mark.parametrize("lang", LANGS)


class Page(HTMLParser):
    """The elements of a page in order, with a check that every one is closed where it must be."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.forms: list[list[dict[str, str | None]]] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        assert len(attributes) == len(attrs), f"an attribute twice in <{tag}>"
        self.elements.append((tag, attributes))
        if tag == "form":
            assert "form" not in self._open
            self.forms.append([attributes])
        elif "form" in self._open:
            self.forms[-1].append(attributes)
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def all(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if tag in tags]


def messages() -> set[str | tuple[str, ...]]:
    found = extract_from_dir(CONSOLE, [("**.html", "jinja2.ext:babel_extract")])
    numbered = (words.LABELS, words.ASSURANCES, words.STATUSES)
    named = (WORDS.names, WORDS.fields, reasons.CONDITIONS, words.KINDS, reasons.REASONS)
    named += (WORDS.grading, WORDS.evidence)
    document = extract_from_dir(CONSOLE / "systems", [("report.py", "python")], keywords={"say": None})
    return {message for _, _, message, _, _ in (*found, *document)} | {
        text for table in numbered + named for text in table.values()
    }


def test_every_sentence_has_a_chinese_one_and_no_chinese_one_is_unused() -> None:
    with (CONSOLE / "shell" / "catalogues" / "zh_CN.po").open("rb") as file:
        catalogue = [message for message in read_po(file, locale="zh_CN") if message.id]
    assert {message.id for message in catalogue} == messages()
    for message in catalogue:
        assert message.string, message.id
        assert not message.fuzzy, message.id
        english, chinese = (set(re.findall(r"%\(\w+\)s", str(text))) for text in (message.id, message.string))
        assert english == chinese, message.id


def test_a_code_that_two_desks_give_different_words_is_refused() -> None:
    assert join_words([{"lost": "Gone"}, {"lost": "Gone", "found": "Here"}]) == {"lost": "Gone", "found": "Here"}
    with pytest.raises(ValueError, match="lost"):
        join_words([{"lost": "Gone"}, {"lost": "Away"}])


def test_every_desk_that_has_words_gives_them_to_the_console() -> None:
    for path in CONSOLE.glob("*/words.py"):
        desk = import_module(f"console.{path.parent.name}.words")
        for table, joined in (("NAMES", WORDS.names), ("FIELDS", WORDS.fields)):
            assert getattr(desk, table, {}).items() <= joined.items(), desk.__name__


def test_every_template_has_sample_values() -> None:
    assert {template for template, _, _ in pages()} == TEMPLATES


@every_page
@in_both
def test_a_page_is_well_formed_with_one_heading_in_its_language(
    template: str, context: dict[str, object], lang: str
) -> None:
    page = Page(RENDERER.render(template, lang=lang, **context))
    assert page.all("html") == [{"lang": lang}]
    assert len(page.all("h1")) == len(page.all("main")) == len(page.all("title")) == 1
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    anchors = {str(attributes["href"])[1:] for attributes in page.all("a") if str(attributes["href"]).startswith("#")}
    references = [attributes.get(key) or "" for _, attributes in page.elements for key in REFERENCES]
    assert anchors | set(" ".join(references).split()) <= set(ids)


@every_page
@in_both
def test_a_page_fits_the_content_security_policy(template: str, context: dict[str, object], lang: str) -> None:
    page = Page(RENDERER.render(template, lang=lang, **context))
    assert not page.all("script", "style", "iframe", "object", "embed", "base")
    for tag, attributes in page.elements:
        assert not [name for name in attributes if name == "style" or name.startswith("on")], tag
    for attributes in page.all("link", "img"):
        assert (attributes.get("href") or attributes.get("src") or "").startswith("/static/")


@every_page
def test_every_control_has_a_label_and_every_posting_form_the_csrf_field(
    template: str, context: dict[str, object]
) -> None:
    page = Page(RENDERER.render(template, lang="en", **context))
    labelled = {attributes.get("for") for attributes in page.all("label")}
    for attributes in page.all("input", "select", "textarea"):
        assert attributes.get("type") == "hidden" or attributes["id"] in labelled
    for form, *fields in page.forms:
        if form["method"] == "post":
            assert [field["value"] for field in fields if field.get("name") == "csrf"] == ["c5rf"]
        else:
            assert "csrf" not in {field.get("name") for field in fields}


@pytest.mark.parametrize("template", sorted(TEMPLATES | {"layout.html", "macros.html"}))
def test_no_words_stand_in_a_template_outside_the_catalogue(template: str) -> None:
    source = (
        next(CONSOLE.glob(f"*/templates/{template}")).read_text().replace("<code>./citygate audit verify</code>", "")
    )
    source = re.sub(r"\{% block kind %\}\w+", "", source)  # a class of the body
    markup = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", source, flags=re.DOTALL)
    assert re.findall(r"\w+", re.sub(r"""<[^>]*>|aria-\w+="\w*\"""", "", markup)) == []
    assert re.findall(r'(?:aria-label|title|alt|placeholder)="[^"]+"', markup) == []


def test_names_are_data() -> None:
    for template, _, context in pages():
        assert "<b>" not in RENDERER.render(template, lang="en", **context)


def test_a_missing_value_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        RENDERER.render("signed_out.html", lang="en", page={"path": "/", "person": None, "nav": [], "origin": ""})


def test_a_code_without_words_is_shown_as_it_is() -> None:
    context = next(values for template, state, values in pages() if (template, state) == ("refusal.html", "first"))
    assert "teapot" in RENDERER.render("refusal.html", lang="zh-CN", **{**context, "reason": "teapot", "status": 599})


@pytest.mark.parametrize(
    ("header", "cookie", "query", "expected"),
    [
        ("", "", "", "zh-CN"),
        ("en-GB,en;q=0.8", "", "", "en"),
        ("zh-Hant-TW,en;q=0.5", "", "", "zh-CN"),
        ("fr,de;q=0.9", "", "", "zh-CN"),
        ("en;q=0,zh", "", "", "zh-CN"),
        ("en;q=x;;,=,", "", "", "zh-CN"),
        ("zh", "en", "", "en"),
        ("en", "en", "zh-CN", "zh-CN"),
        ("en", "../../etc", "<script>", "en"),
    ],
)
def test_the_link_counts_before_the_cookie_before_the_browser(
    header: str, cookie: str, query: str, expected: str
) -> None:
    assert language(header, cookie, query) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/audit?who=%E7%8E%8B&lang=zh-CN", "/audit?who=%E7%8E%8B&lang=en"),
        ("/", "/?lang=en"),
        ("//evil.example/x", "/?lang=en"),
        ("/\\evil.example", "/?lang=en"),
        ("https://evil.example/x", "/?lang=en"),
        ("javascript:alert(1)", "/?lang=en"),
    ],
)
def test_the_language_switch_keeps_the_page_and_never_leaves_the_host(path: str, expected: str) -> None:
    assert in_language(path, "en") == expected


def test_a_moment_is_shown_in_local_time_with_its_zone() -> None:
    assert when(NOW) == '<time datetime="2026-11-21T23:10:05+08:00">2026-11-21 23:10:05 UTC+8</time>'
    assert "UTC" not in when(NOW, zone=False)


def test_taking_a_filter_off_keeps_the_others() -> None:
    assert without({"who": "a&b", "object": "/x", "since": ""}, "object") == "?who=a%26b"


def test_the_stylesheet_is_small_and_loads_nothing() -> None:
    css = (CONSOLE / "shell" / "static" / "citygate.css").read_bytes()
    assert len(gzip.compress(css)) <= 6 * 1024
    assert b"url(" not in css
    assert b"@import" not in css
    ET.parse(CONSOLE / "shell" / "static" / "gate.svg")


def palettes() -> tuple[dict[str, str], dict[str, str]]:
    css = (CONSOLE / "shell" / "static" / "citygate.css").read_text()
    light, dark = (
        dict(re.findall(r"--([\w-]+): (#\w+);", block)) for block in re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    )
    return light, light | dark


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, "contrast ratio"."""

    def luminance(colour: str) -> float:
        digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
        channels = (int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4))
        linear = (value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels)
        return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("palette", palettes(), ids=("light", "dark"))
def test_every_pair_of_colours_is_legible(palette: dict[str, str]) -> None:
    grounds = ("page", "surface")
    pairs = [(text, on) for text in ("text", "muted", "link", "visited", "brand", "bad") for on in grounds]
    pairs += [(text, f"{name}-surface") for name in ("ok", "warn", "bad") for text in ("text", "muted", "link", name)]
    pairs += [("on-brand", "brand"), ("on-brand", "brand-deep"), ("on-bar", "bar"), ("on-focus", "focus")]
    assert [pair for pair in pairs if contrast(palette[pair[0]], palette[pair[1]]) < 4.5] == []
    assert [on for on in grounds if contrast(palette["control"], palette[on]) < 3] == []  # WCAG 2.2, 1.4.11


def test_every_label_is_legible() -> None:
    css = (CONSOLE / "shell" / "static" / "citygate.css").read_text()
    labels = re.findall(r"\.label-\d \{ background: (#\w+); color: (#\w+);", css)
    assert len(labels) == len(words.LABELS)
    assert [label for label in labels if contrast(*label) < 4.5] == []


def test_every_refusal_the_door_can_answer_has_words_in_a_title_and_a_sentence() -> None:
    internal = {"key-file-unsafe", "signature-invalid", "invalid-route", "access-denied"}  # never a page's reason
    assert set(STATUSES) - internal <= set(reasons.REASONS)
    assert set(STATUSES.values()) <= set(words.STATUSES)
