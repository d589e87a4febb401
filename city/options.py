"""The settings of a command that runs or reads a city: its environment, as overruled by its options."""

from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from city.settings import Settings, SettingsInvalid, from_environment
from city.supervisor import Taken
from commands.output import EXIT_CONFLICT, EXIT_FAILED, EXIT_USAGE, fail


def settings_of(data: Path | None, port: int | None = None) -> Settings:
    """Return the settings of the environment, as overruled by options; end the command if they make no sense."""
    try:
        settings = from_environment()
        settings = replace(settings, data=(data or settings.data).resolve(), port=port or settings.port)
        if settings.data.exists() and not settings.data.is_dir():
            fail(f"`{settings.data}` is no folder", EXIT_USAGE)
    except (SettingsInvalid, OSError, ValueError) as invalid:  # a path with a NUL, or too long
        fail(str(invalid), EXIT_USAGE)
    return settings


def fail_to_start(why: Exception) -> NoReturn:
    """End because the city does not come up: what was asked makes no sense, is taken, or something failed."""
    exits = {SettingsInvalid: EXIT_USAGE, Taken: EXIT_CONFLICT}
    fail(str(why), exits.get(type(why), EXIT_FAILED))
