"""Groups of commands that import a few of them only when they are asked for.

What runs or reads a city on this machine is the server's code and slow to import; no other command waits for it.
"""

import importlib
import importlib.util
from collections.abc import Mapping
from typing import Any

import click


class LazyGroup(click.Group):
    """A group of which some commands are named by "module:attribute", after click's documentation of lazy loading."""

    def __init__(self, *args: Any, lazy: Mapping[str, str], **options: Any) -> None:
        super().__init__(*args, **options)
        self._lazy = {name: place for name, place in lazy.items() if _is_installed(place)}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands; nothing is imported for that."""
        return sorted({*super().list_commands(ctx), *self._lazy})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of this name, imported now if it is one of the few; None where there is none."""
        if cmd_name not in self._lazy:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = self._lazy[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is typed. Raises NoSuchCommand, which also proposes names that were not imported."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as unknown:
            raise click.NoSuchCommand(unknown.command_name, possibilities=self.list_commands(ctx), ctx=ctx) from None


def _is_installed(place: str) -> bool:
    """Whether the package is there: an image of the city has no load tests."""
    return importlib.util.find_spec(place.partition(".")[0]) is not None
