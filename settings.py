"""The only reader of the environment: what this process is told, checked once at its start."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_PREFIX = "CITYGATE_"
_READ: Mapping[str, Callable[[str], Any]] = {
    "profile": str,
    "data": Path,
    "port": int,
    "domain": str,
    "routes": Path,
    "listen": lambda text: {"0": False, "1": True}[text],
    "issuer_port": int,
    "data_plane_secret": str,
    "subject_per_minute": int,
    "anonymous_per_minute": int,
}


class SettingsInvalid(Exception):
    """A setting is missing or makes no sense; the message names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Each field is read from CITYGATE_ and its name in capitals."""

    profile: str = "embedded"
    data: Path = Path(".citygate/demo")
    port: int = 8080  # of the one public address; operations listen on the next one
    domain: str = "localhost"  # console.DOMAIN, login.DOMAIN and one host for each portal
    routes: Path | None = None  # the portals' part of the route table
    listen: bool = True  # False: only our own data plane talks to us, over socket files in `data`
    issuer_port: int = 0  # the local issuer's own, on loopback
    data_plane_secret: str = field(default="", repr=False)
    subject_per_minute: int = 6000
    anonymous_per_minute: int = 6000

    def __post_init__(self) -> None:
        if self.profile != "embedded":
            raise SettingsInvalid(f"profile `{self.profile}`: only `embedded` is known, which is not for production")
        if not 0 < self.port < 65535:
            raise SettingsInvalid(f"port {self.port}: it and the next one must be free port numbers")
        if not 0 <= self.issuer_port <= 65535:
            raise SettingsInvalid(f"issuer_port {self.issuer_port} is not a port number")
        if min(self.subject_per_minute, self.anonymous_per_minute) < 1:
            raise SettingsInvalid("a limit of requests a minute is at least 1")
        if not self.listen and not self.data_plane_secret:
            raise SettingsInvalid("behind a data plane, CITYGATE_DATA_PLANE_SECRET is needed")

    def origin(self, name: str) -> str:
        """The address of one host as browsers see it."""
        return f"http://{name}.{self.domain}:{self.port}"

    @property
    def issuer(self) -> str:
        return self.origin("login") + "/realms/city"


def from_environment() -> Settings:
    """Read the environment. Raises SettingsInvalid."""
    given: dict[str, Any] = {}
    for name, read in _READ.items():
        text = os.environ.get(variable := _PREFIX + name.upper())
        try:
            given |= {} if text is None else {name: read(text)}
        except (ValueError, KeyError):
            raise SettingsInvalid(f"{variable}: `{text}` cannot be read") from None
    return Settings(**given)


def to_environment(settings: Settings) -> dict[str, str]:
    """What a child process needs to read the same settings; never printed."""
    values = {name: getattr(settings, name) for name in _READ}
    return {
        _PREFIX + name.upper(): str(int(value) if isinstance(value, bool) else value)
        for name, value in values.items()
        if value is not None
    }
