"""One desk, as it joins the application."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from console.shell.names import NameOf
from console.shell.views import ApiViews, PageViews


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Its pages, its part of the API, and by noun of an address what the ids that follow it are called."""

    pages: tuple[PageViews, ...] = ()
    api: tuple[ApiViews, ...] = ()
    names: Mapping[str, NameOf] = field(default_factory=dict)
