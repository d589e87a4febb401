"""Where the kept city is, and how a copy of it is opened by the code of the day at the moment it was left."""

import json
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from city.clock import clock
from tests.founded_city import CityDoor, open_founded_city

HERE = Path(__file__).parent
ARCHIVE, FACTS = HERE / "city.tar.xz", HERE / "city.json"
CITY, ROUTES = "city", "city-routes.toml"
_LATER = timedelta(minutes=2)  # nothing of it is "just now", and nothing that waits for minutes is over


def facts() -> dict[str, Any]:
    """What `build` said of it: when it was made, what is parked in it, of which objects its log speaks."""
    told: dict[str, Any] = json.loads(FACTS.read_text())
    return told


@contextmanager
def kept_city(place: Path) -> Iterator[CityDoor]:
    """Unpacked below `place`, brought up to date and deciding, its clock two minutes after it was left."""
    back = clock() - datetime.fromisoformat(facts()["made_at"]) - _LATER
    today = place / "today"
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(today, filter="data")
    left = (today / CITY).rename(place / "left")
    with open_founded_city(left, today / CITY, routes=today / ROUTES, clock=lambda: clock() - back) as door:
        yield door
