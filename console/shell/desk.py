"""One desk, as it joins the application."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from flask import Blueprint
from flask_smorest import Blueprint as ApiBlueprint

from console.shell.names import NameOf


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Its pages, its part of the API, and by noun of an address what the ids that follow it are called."""

    pages: tuple[Blueprint, ...] = ()
    api: tuple[ApiBlueprint, ...] = ()
    names: Mapping[str, NameOf] = field(default_factory=dict)
