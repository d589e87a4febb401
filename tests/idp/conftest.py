"""Sessions in each profile's stores."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.ephemeral import DatabaseEphemeral, Ephemeral
from storage.epoch import MemoryEpochs
from storage.redis_stores import RedisEphemeral
from storage.shared_epoch import PostgresEpochs
from tests.idp.people import city_with_people
from tests.idp.signed_in import SignedInPeople


@pytest.fixture(params=["sqlite", "postgresql", "postgresql and redis"])
def signed_in(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SignedInPeople]:
    """In each profile's stores; what is in Redis has the real time's lifetimes."""
    postgres = request.param != "sqlite"
    url = request.getfixturevalue("postgres_url") if postgres else f"sqlite:///{tmp_path / 'city.db'}"
    with city_with_people(url) as city:
        ephemeral: Ephemeral = DatabaseEphemeral(city.database, clock=city.clock)
        if "redis" in request.param:
            ephemeral = RedisEphemeral(request.getfixturevalue("redis_client"))
        monotonic = time.monotonic
        epochs = PostgresEpochs(city.database, monotonic=monotonic) if postgres else MemoryEpochs(monotonic=monotonic)
        yield SignedInPeople(city, ephemeral, epochs)
