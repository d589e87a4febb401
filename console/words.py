"""The words of all desks, put together for the renderer of the console's pages."""

from collections.abc import Iterable, Mapping

from console.backups import words as backups
from console.catalogue import words as catalogue
from console.keys import words as keys
from console.machines import words as machines
from console.people import words as people
from console.requests import words as requests
from console.shell import words as shell
from console.shell.words import Words
from console.systems import words as systems
from console.zones import words as zones


def join_words(tables: Iterable[Mapping[str, str]]) -> Mapping[str, str]:
    """One table out of many.

    Raises ValueError for a code that means one thing in one table and another in another: a page cannot know which.
    """
    joined = dict[str, str]()
    for table in tables:
        for code, sentence in table.items():
            if joined.setdefault(code, sentence) != sentence:
                raise ValueError(f"{code}: both {joined[code]!r} and {sentence!r}")
    return joined


_NAMED = (shell, backups, catalogue, keys, machines, people, requests, systems, zones)
_WITH_FIELDS = (shell, catalogue, keys, machines, systems, zones)

WORDS = Words(
    names=join_words(part.NAMES for part in _NAMED),
    fields=join_words(part.FIELDS for part in _WITH_FIELDS),
    grading=systems.GRADING,
    evidence=systems.EVIDENCE,
)
