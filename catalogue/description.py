"""How a resource is described, and what a name or a text may be: checked here, escaped where it is shown."""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from unicodedata import normalize

NAME_CHARS, TEXT_CHARS, DESCRIPTION_CHARS, PURPOSE_CHARS = 80, 120, 1000, 200
# the nine fields, in their order
DESCRIBED = ("name", "produced", "publisher", "category", "version", "description", "carrier", "form", "location")
REQUIRED = ("name", "publisher", "category", "version", "description", "carrier", "form", "location")
_NAME = re.compile(
    r"\w[\w ·.,:/()（）《》、，：-]*"
)  # letters of any script; nothing that HTML, SQL or a shell would read
_FORMULA = ("=", "+", "-", "@")  # what a spreadsheet would compute (CWE-1236)
_PATH = re.compile(r"(?:/(?!\.\.?(?:/|$))[A-Za-z0-9._~-]{1,64}){1,8}", re.ASCII)
_SLUG = re.compile(r"[a-z][a-z0-9-]{0,62}", re.ASCII)


def clean_texts(texts: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    """Return the texts of these names in Unicode NFC, without blanks at their edges; "" for one that is not there."""
    return {name: normalize("NFC", texts.get(name, "")).strip(" ") for name in names}


def wrong_with_name(text: str, *, field: str = "name") -> Iterator[dict[str, str]]:
    """What cannot be accepted as the name of a resource or an app."""
    if not text:
        yield {"field": field, "code": "text-missing"}
    elif len(text) > NAME_CHARS or not _NAME.fullmatch(text) or not text.isprintable():
        yield {"field": field, "code": "name-invalid"}


def wrong_with_text(text: str, *, field: str, longest: int = TEXT_CHARS) -> Iterator[dict[str, str]]:
    """What cannot be accepted as one line of text."""
    if not text:
        yield {"field": field, "code": "text-missing"}
    elif len(text) > longest or not text.isprintable() or text.startswith(_FORMULA):
        yield {"field": field, "code": "text-invalid"}


def wrong_with_description(texts: Mapping[str, str], *, today: date) -> Iterator[dict[str, str]]:
    """What is wrong with a description, by field."""
    yield from wrong_with_name(texts["name"])
    try:
        produced = date.fromisoformat(texts["produced"])
        if produced.isoformat() != texts["produced"]:
            yield {"field": "produced", "code": "date-invalid"}
        elif produced > today:
            yield {"field": "produced", "code": "date-future"}
    except ValueError:
        yield {"field": "produced", "code": "date-invalid"}
    for field in REQUIRED[1:]:
        longest = DESCRIPTION_CHARS if field == "description" else TEXT_CHARS
        yield from wrong_with_text(texts[field], field=field, longest=longest)


def wrong_with_place(system: str, path: str) -> Iterator[dict[str, str]]:
    """What is wrong with where the open API is said to be."""
    if not _SLUG.fullmatch(system):
        yield {"field": "system", "code": "slug-invalid"}
    if not _PATH.fullmatch(path):
        yield {"field": "path", "code": "path-invalid"}
