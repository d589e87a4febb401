"""Renderer: a template and its values become a page in Chinese or English (zh-CN first).

Every template says in its first comment which values it takes; a missing one is an error. All take `page`:

    path      of this page with its query, reachable by GET; the language switch keeps it
    person    None, or {name, offices: [code, ..], csrf}; with `csrf` the header offers "Sign out"
    nav       [{href, text_id, current}], `text_id` a code of `Words.names`; only the offices the person holds
    origin    of the console, "http://console.localhost:8000"

Codes become words by filters (`named`, `kind`, `field`, `reason`, `label`, `assurance`, `status_title`); a code without
words is shown as it is. English is the source language and the key; `catalogues/zh_CN.po` is compiled in memory at
start.
"""

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from gettext import NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Literal, Protocol, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from audit.city_time import CITY_TIME
from console.shell.reasons import CONDITIONS, REASONS
from console.shell.words import ASSURANCES, KINDS, LABELS, STATUSES, Words
from storage.actions import ACTIONS

Lang = Literal["zh-CN", "en"]
Code = TypeVar("Code", int, str)
DEFAULT: Lang = "zh-CN"
_ACCEPT_CHARS = 256  # a reader has few languages; an attacker has many

_HERE = Path(__file__).parent
_LANGS: Mapping[str, Lang] = {"zh-CN": "zh-CN", "zh": "zh-CN", "en": "en"}  # also by primary subtag (RFC 5646 §2.2.1)


class Seen(Protocol):
    """One thing that somebody saw: a code, and the values its sentence is filled with."""

    @property
    def code(self) -> str:
        """Of a sentence in `Words.evidence`."""

    @property
    def values(self) -> Mapping[str, str | int]:
        """By the names that the sentence has for them."""


def language(accept_language: str, cookie: str, query: str) -> Lang:
    """The language of an answer: what the link asks for, else the cookie, else the browser, else Chinese."""
    tags = [tag for tag, quality in parse_accept_header(accept_language[:_ACCEPT_CHARS], LanguageAccept) if quality > 0]
    for choice in (query, cookie, *(tag.partition("-")[0].lower() for tag in tags)):
        if choice in _LANGS:
            return _LANGS[choice]
    return DEFAULT


class Renderer:
    """The pages of one deployment; safe to share between threads."""

    def __init__(self, words: Words, *, static_url: str) -> None:
        """Compile the catalogues; `static_url` is where `shell/static` is served, on every host that shows pages."""
        self._words = words
        self._static = {
            path.name: f"{static_url.rstrip('/')}/{path.name}?v={hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"
            for path in (_HERE / "static").iterdir()
        }  # the address changes with the bytes, so that it may be cached for ever
        with (_HERE / "catalogues" / "zh_CN.po").open("rb") as file:
            compiled = BytesIO()
            write_mo(compiled, read_po(file, locale="zh_CN", abort_invalid=True))
        compiled.seek(0)
        self._translations: Mapping[Lang, NullTranslations] = {
            "zh-CN": Translations(compiled),
            "en": NullTranslations(),
        }
        self._environments = {lang: self._environment(lang) for lang in self._translations}

    def render(self, template: str, *, lang: Lang, **context: object) -> str:
        """The page as HTML.

        Raises jinja2.UndefinedError when a value the template takes is missing.
        """
        return self._environments[lang].get_template(template).render(context)

    def say(self, lang: Lang, sentence: str, **values: object) -> str:
        """One sentence of ours in this language, with its values filled in; what is filled in is plain text."""
        text = self._translations[lang].gettext(sentence)
        return text % values if values else text

    def evidence(self, lang: Lang, seen: Seen) -> str:
        """One thing that an assessment saw."""
        return _evidence(self._words, self._translations[lang])(seen)

    def _environment(self, lang: Lang) -> Environment:
        words, translations = self._words, self._translations[lang]
        environment = Environment(
            loader=FileSystemLoader(sorted(_HERE.parent.glob("*/templates"))),
            extensions=["jinja2.ext.i18n"],
            autoescape=True,
            undefined=StrictUndefined,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined]
        environment.globals.update(lang=lang, static=self._static.__getitem__)
        environment.filters.update(
            named=_words(words.names, translations),
            kind=_kind(lang, translations),
            field=_words(words.fields, translations),
            condition=_words(CONDITIONS, translations),
            reason=_words(REASONS, translations),
            label=_words(LABELS, translations),
            assurance=_words(ASSURANCES, translations),
            status_title=_words(STATUSES, translations),
            grading=_words(words.grading, translations),
            evidence=_evidence(words, translations),
            when=when,
            day=day,
            in_language=in_language,
            without=without,
        )
        return environment


def _words(table: Mapping[Code, str], translations: NullTranslations) -> Callable[[Code], str]:
    def words(code: Code) -> str:
        return translations.gettext(table[code]) if code in table else str(code)

    return words


def _kind(lang: Lang, translations: NullTranslations) -> Callable[[str], str]:
    """What somebody wanted to do, or what kind of record says so."""
    others = _words(KINDS, translations)

    def words(code: str) -> str:
        action = ACTIONS.get(code)
        if action is None:
            return others(code)
        return action.zh if lang == "zh-CN" else action.en

    return words


def _evidence(words: Words, translations: NullTranslations) -> Callable[[Seen], str]:
    name_of = _words(words.names, translations)

    def sentence(seen: Seen) -> str:
        values = {name: name_of(str(value)) if name == "office" else value for name, value in seen.values.items()}
        return str(translations.gettext(words.evidence.get(seen.code, seen.code)) % values)

    return sentence


def when(at: datetime, *, zone: bool = True) -> Markup:
    """A moment in UTC+8 to the second; the zone may stand in the column's head instead."""
    local = at.astimezone(CITY_TIME)
    text = f"{local:%Y-%m-%d %H:%M:%S}{' UTC+8' if zone else ''}"
    return Markup('<time datetime="{}">{}</time>').format(local.isoformat(timespec="seconds"), text)


def day(at: datetime) -> Markup:
    """The day of a moment in UTC+8."""
    return Markup('<time datetime="{0}">{0}</time>').format(at.astimezone(CITY_TIME).date().isoformat())


def in_language(path: str, lang: str) -> str:
    """The same page in another language; whatever is no path of this host becomes its root."""
    parts = urlsplit(path)
    own = path.startswith("/") and not path.startswith(("//", "/\\"))
    query = [(key, value) for key, value in parse_qsl(parts.query, keep_blank_values=True) if key != "lang"]
    return f"{parts.path if own else '/'}?{urlencode([*query, ('lang', lang)])}"


def without(query: Mapping[str, str], name: str) -> str:
    """A link to the same search with one filter taken off."""
    return "?" + urlencode({key: value for key, value in query.items() if value and key != name})
