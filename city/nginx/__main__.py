"""Write nginx's configuration for the hosts of the city's route table: `python -m city.nginx GATEWAY…`.

Settings come from the environment; the socket folders are those of the named gateways and of `control`.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from city.nginx.data_plane import NginxFolders, write
from city.settings import Settings, SettingsInvalid, from_environment
from gateway.errors import InvalidRoute
from gateway.routes import Route, load_routes


def main(gateways: Sequence[str], *, scratch: Path = Path("/tmp")) -> None:  # noqa: S108 - nginx's own, in a container
    """Write `data`/run/nginx/nginx.conf. Raises SettingsInvalid, InvalidRoute, OSError."""
    settings = from_environment()
    if not gateways or settings.routes is None:
        raise SettingsInvalid("the names of the gateways and CITYGATE_ROUTES are needed")
    run = settings.data / "run"
    routes = load_routes(settings.routes)  # the gateways refuse a table that does not mean one thing
    portals = _portals(routes, settings)
    inline = sorted({_name(route, settings) for route in routes} - portals.keys())
    write(
        settings,
        NginxFolders(folder=run / "nginx", scratch=scratch, log="stderr"),
        gateways=[run / name for name in gateways],
        control=run / "control",
        forward_auth=portals,
        inline=inline,
        console=("", "console"),
    )


def _portals(routes: Sequence[Route], settings: Settings) -> dict[str, str]:
    """The hosts nginx delivers to, by name: one place for each, over plain HTTP."""
    portals: dict[str, str] = {}
    for route in (route for route in routes if route.forward_auth):
        parts = urlsplit(route.upstream)
        if parts.scheme != "http" or portals.setdefault(_name(route, settings), parts.netloc) != parts.netloc:
            raise InvalidRoute(f"`{route.host}`: nginx delivers to one upstream for each host, over http")
    return portals


def _name(route: Route, settings: Settings) -> str:
    name, found, rest = route.host.partition(f".{settings.domain}")
    if not found or rest:
        raise InvalidRoute(f"host `{route.host}` is not below `{settings.domain}`")
    return name


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (SettingsInvalid, InvalidRoute, OSError) as failure:
        sys.exit(f"citygate: {failure}")
