"""docker-compose.yml as Compose reads it: anchors merged, variables filled in."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
CITY = Path("/srv/citygate/data/city")
TEXT = (ROOT / "docker-compose.yml").read_text()
VARIABLES = {"CITY_DOMAIN": "city.example"}
_VARIABLE = re.compile(r"\$(?:(\$)|\{([A-Z_]+)(:\?[^}]*)?\})")

Service = dict[str, Any]


def _filled(text: str) -> str:
    return _VARIABLE.sub(lambda found: found[1] or VARIABLES[found[2]], text)


def _walk(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _walk(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_walk(one) for one in value]
    return _filled(value) if isinstance(value, str) else value


@cache
def compose() -> dict[str, Any]:
    read: dict[str, Any] = _walk(yaml.safe_load(TEXT))
    return read


def services() -> dict[str, Service]:
    found: dict[str, Service] = compose()["services"]
    return found


def ours() -> dict[str, Service]:
    """The services that run this program."""
    return {name: one for name, one in services().items() if one["image"].startswith("citygate:")}


def lasting() -> dict[str, Service]:
    return {name: one for name, one in services().items() if one["restart"] != "no"}


def mounted_secrets(service: Service) -> dict[str, str]:
    """Name of a secret → where the container sees it."""
    given = [{"source": one} if isinstance(one, str) else one for one in service.get("secrets", [])]
    return {one["source"]: one.get("target", f"/run/secrets/{one['source']}") for one in given}


def networks(service: Service) -> set[str]:
    return set(service.get("networks", ()))


def writable(service: Service) -> set[str]:
    """Folders of the machine that the service may change."""
    return {one["source"] for one in service.get("volumes", []) if not one.get("read_only")}
