"""The only reader of the city's environment: what this process is told, checked once at its start."""

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_PREFIX = "CITYGATE_"


def _path(text: str) -> Path:
    if not text:
        raise ValueError("an empty path is the folder we are in")
    return Path(text)


_READ: Mapping[Any, Callable[[str], Any]] = {  # by the type of the field
    str: str,
    int: int,
    bool: lambda text: {"0": False, "1": True}[text],
    Path: _path,
    Path | None: _path,
}
SECRETS = ("data_plane_secret", "database_password", "redis_password", "provisioner_secret")
_NAME_CHARS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


class SettingsInvalid(Exception):
    """A setting is missing or makes no sense; the message names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Each field is read from CITYGATE_ and its name in capitals; a secret also from the file that …_FILE names."""

    profile: str = "embedded"
    name: str = "city"  # of this process: its spool, its folder of socket files, its gateway in a receipt
    data: Path = Path(".citygate/demo")
    scheme: str = "http"  # as browsers see the public address
    port: int = 8080  # of the one public address
    address: str = "127.0.0.1"  # of this machine, where the data plane listens
    redirect_port: int = 0  # plain HTTP that only sends on to https; 0: nobody listens there
    tls_certificate: Path | None = None  # with its chain, PEM; the data plane's alone
    tls_key: Path | None = None
    operations_port: int = 0  # 0: the port after the public one
    domain: str = "localhost"  # console.DOMAIN, login.DOMAIN and one host for each portal
    routes: Path | None = None  # the portals' part of the route table
    listen: bool = True  # False: only our own data plane talks to us, over socket files in `data`
    issuer_address: str = "127.0.0.1"
    issuer_port: int = 0  # the issuer's own, which no browser sees
    issuer_ca: Path | None = None  # whose certificate the issuer's back channel shows; None: plain HTTP
    database: str = ""  # of the production profile: postgresql+psycopg://account@host:port/name
    redis: str = ""  # redis://host:port/number
    database_password: str = field(default="", repr=False)
    redis_password: str = field(default="", repr=False)
    provisioner_secret: str = field(default="", repr=False)  # opens Keycloak's administration
    data_plane_secret: str = field(default="", repr=False)
    subject_per_minute: int = 6000
    anonymous_per_minute: int = 6000
    zone_plane: str = "simulated"  # what lies between the zones: `simulated`, or `namespaces` of this machine
    seal_linger_seconds: int = 600  # what a browser holds sealed is as old as a sign-in may take (`idp.flow`)
    backup_repository: Path | None = None  # whole backups; None: beside `data`
    backup_outside: Path | None = None  # their checkpoints, which count at a drill: another machine's disk
    backup_keys: Path | None = None  # what opens and signs backups; never below `data` or the repository
    backup_scratch: Path | None = None  # where drills restore to
    backup_pgbackrest: Path | None = None  # production: pgBackRest's configuration, with the stanza `city`
    backup_restic: Path | None = None  # a restic repository for files; None: sealed archives beside the rest

    def __post_init__(self) -> None:
        if self.profile not in ("embedded", "production"):
            raise SettingsInvalid(f"profile `{self.profile}`: `embedded` or `production`")
        if not self.name or set(self.name) - _NAME_CHARS:
            raise SettingsInvalid(f"name `{self.name}`: small letters, digits and hyphens")
        if self.scheme not in ("http", "https"):
            raise SettingsInvalid(f"scheme `{self.scheme}`: http or https")
        if not 0 < self.port < 65535:
            raise SettingsInvalid(f"port {self.port}: it and the next one must be port numbers")
        for name in ("operations_port", "issuer_port", "redirect_port"):
            if not 0 <= getattr(self, name) <= 65535:
                raise SettingsInvalid(f"{name} {getattr(self, name)} is not a port number")
        if min(self.subject_per_minute, self.anonymous_per_minute, self.seal_linger_seconds) < 1:
            raise SettingsInvalid("a limit of requests a minute, and a time in seconds, is at least 1")
        if not self.listen and not self.data_plane_secret:
            raise SettingsInvalid("behind a data plane, CITYGATE_DATA_PLANE_SECRET is needed")
        self._check_data_plane()
        if self.profile == "production":
            self._check_production()
        self._check_backup()

    def _check_data_plane(self) -> None:
        if self.zone_plane not in ("simulated", "namespaces"):
            raise SettingsInvalid(f"zone_plane `{self.zone_plane}`: `simulated` or `namespaces`")
        try:
            ip_address(self.address)
        except ValueError:
            raise SettingsInvalid(f"address `{self.address}`: an IP address of this machine") from None
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise SettingsInvalid("tls_certificate and tls_key: both, or neither")
        if self.scheme == "http" and (self.tls_certificate or self.redirect_port):
            raise SettingsInvalid("a certificate or a port that redirects means CITYGATE_SCHEME=https")
        if self.redirect_port == self.port:
            raise SettingsInvalid(f"redirect_port {self.port} is the public port itself")

    def _check_production(self) -> None:
        if self.listen:
            raise SettingsInvalid("production is behind a data plane: CITYGATE_LISTEN=0")
        needed = ("database", "database_password", "redis", "redis_password")
        if missing := [_PREFIX + name.upper() for name in needed if not getattr(self, name)]:
            raise SettingsInvalid(f"production needs {', '.join(missing)}")
        for name, scheme in (("database", "postgresql+psycopg"), ("redis", "redis")):
            address = urlsplit(getattr(self, name))
            if address.scheme != scheme or not address.hostname or address.password:
                raise SettingsInvalid(f"{name}: {scheme}://host:port/name, with its password in {name}_password")
        if self.scheme == "http" and self.domain != "localhost":
            raise SettingsInvalid("only `localhost` may be served without TLS: CITYGATE_SCHEME=https")

    def _check_backup(self) -> None:
        keys, data, repository = (self.backup(name).absolute() for name in ("keys", "data", "repository"))
        if keys.is_relative_to(data) or keys.is_relative_to(repository):
            raise SettingsInvalid("backup_keys: outside of what they open, or who takes the one has the other")
        if repository.is_relative_to(data) or self.backup("outside").absolute().is_relative_to(repository):
            raise SettingsInvalid("backup_repository is outside of data, and backup_outside outside of both")

    def backup(self, name: str) -> Path:
        """A folder of the backups: what is set, else beside the city's own, which is on the same disk."""
        chosen: Path | None = self.data if name == "data" else getattr(self, f"backup_{name}")
        return chosen or self.data.with_name(f"{self.data.name}-backup-{name}")

    def origin(self, name: str) -> str:
        """The address of one host as browsers see it; of the bare domain for ""."""
        standard = {"http": 80, "https": 443}[self.scheme]
        host = f"{name}.{self.domain}".removeprefix(".")
        return f"{self.scheme}://{host}" + ("" if self.port == standard else f":{self.port}")

    @property
    def issuer(self) -> str:
        return self.origin("login") + "/realms/city"

    @property
    def run(self) -> Path:
        """Where this process's socket files are."""
        return self.data / "run" / ("" if self.profile == "embedded" else self.name)

    @property
    def operations(self) -> int:
        """The port of `/healthz`, `/readyz`, `/version`, `/metrics`."""
        return self.operations_port or self.port + 1


def from_environment() -> Settings:
    """Read the environment, and the files it names. Raises SettingsInvalid."""
    given: dict[str, Any] = {}
    for one in fields(Settings):
        text = os.environ.get(variable := _PREFIX + one.name.upper())
        try:
            given |= {} if text is None or one.name in SECRETS else {one.name: _READ[one.type](text)}
        except (ValueError, KeyError):
            raise SettingsInvalid(f"{variable}: `{text}` cannot be read") from None
    for name in SECRETS:
        given |= _secret(name, _PREFIX + name.upper())
    return Settings(**given)


def _secret(name: str, variable: str) -> dict[str, str]:
    text, file = os.environ.get(variable), os.environ.get(f"{variable}_FILE")
    if text is not None and file is not None:
        raise SettingsInvalid(f"{variable} and {variable}_FILE: one of them")
    if file is not None:
        try:
            text = Path(file).read_text().strip()
        except (OSError, ValueError):
            raise SettingsInvalid(f"{variable}_FILE: `{file}` cannot be read") from None
        if not text:
            raise SettingsInvalid(f"{variable}_FILE: `{file}` is empty")
    return {} if text is None else {name: text}


def to_environment(settings: Settings) -> dict[str, str]:
    """What a child process needs to read the same settings; never printed."""
    return {
        _PREFIX + name.upper(): str(int(value) if isinstance(value, bool) else value)
        for name, value in asdict(settings).items()
        if value not in (None, "")
    }
