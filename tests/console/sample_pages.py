"""One set of values for each state of each page: the renderer's tests and the browser show them."""

from collections.abc import Iterator, Mapping

from tests.console import (
    sample_audit,
    sample_backups,
    sample_catalogue,
    sample_grading,
    sample_infra,
    sample_keys,
    sample_people,
    sample_refusals,
    sample_signin,
)

_ROOMS = (
    sample_signin,
    sample_refusals,
    sample_people,
    sample_audit,
    sample_keys,
    sample_catalogue,
    sample_grading,
    sample_infra,
    sample_backups,
)


def pages() -> Iterator[tuple[str, str, Mapping[str, object]]]:
    """(template, state, values), the usual state of a template first."""
    for room in _ROOMS:
        yield from room.states()
