"""What an app signs with outlives the key of the platform that it was sealed under."""

import re
from pathlib import Path

import sqlalchemy as sa

from city import keys as city_keys
from idp.store import app
from storage.database import metadata
from tests.founded_city import CityDoor

NOT_THE_PLATFORMS = {
    "key_version.material",
    "key_version.public",
    "ephemeral.value",
}  # wrapped by the key file; a place of its own


def test_every_column_of_sealed_bytes_is_a_place_where_rotation_looks(door: CityDoor) -> None:
    sealed = {
        f"{table.name}.{column.name}"
        for table in metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, sa.LargeBinary) and not re.search("digest", column.name)
    }
    places = {place.name for place in city_keys.sealed_places(door.city.stores)}
    assert sealed - NOT_THE_PLATFORMS <= places, sealed - places


def test_an_apps_secret_opens_after_the_version_it_was_sealed_under_is_gone(door: CityDoor, tmp_path: Path) -> None:
    made = door.ask("POST", "/api/v1/departments/civil/apps", "qian", json={"name": "checker"})
    assert made.status == 201, made
    keys, database = door.city.keys, door.city.stores.database
    with database.transaction() as connection:
        before = connection.execute(sa.select(app.c.sealed)).scalar_one()
    target = "/departments/city/keys/platform/rotate"
    request = door.ask("POST", f"/api/v1{target}", "zheng").json["request"]
    door.ask("POST", f"/api/v1{target}/approve/{request}", "feng", json={"verdict": "approve"})
    assert door.ask("POST", f"/.citygate/resume/{request}", "zheng").status == 200
    assert door.ask("POST", "/api/v1/jobs/keys", "clock-job").status == 200
    with database.transaction() as connection:
        after = connection.execute(sa.select(app.c.sealed)).scalar_one()
    assert (keys.seal.version_of(before), keys.seal.version_of(after)) == (1, 2)
