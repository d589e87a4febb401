"""The only reader of the environment: what this process is told, checked once at its start."""

import os
from dataclasses import dataclass, field
from pathlib import Path

_PREFIX = "CITYGATE_"


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
            raise SettingsInvalid(f"profile `{self.profile}`: this program knows `embedded` only, which is not for production")
        if not 0 < self.port < 65535:
            raise SettingsInvalid(f"port {self.port}: it and the next one must be free port numbers")
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
    read = {"profile": str, "data": Path, "port": int, "domain": str, "routes": Path, "issuer_port": int,
            "listen": lambda text: text == "1", "data_plane_secret": str,
            "subject_per_minute": int, "anonymous_per_minute": int}  # fmt: skip
    given = {name: os.environ[_PREFIX + name.upper()] for name in read if _PREFIX + name.upper() in os.environ}
    try:
        return Settings(**{name: read[name](text) for name, text in given.items()})
    except ValueError as wrong:
        raise SettingsInvalid(str(wrong)) from wrong


def to_environment(settings: Settings) -> dict[str, str]:
    """What a child process needs to read the same settings; never printed."""
    values = {name: getattr(settings, name) for name in Settings.__dataclass_fields__}
    texts = {name: str(int(value) if isinstance(value, bool) else value) for name, value in values.items() if value is not None}
    return {_PREFIX + name.upper(): text for name, text in texts.items()}
