"""Apps and the room as a whole, on both databases: what is written and told, how many there may be, what is kept secret."""

from datetime import timedelta

import pytest

from authz import store
from catalogue import resource as resource_module
from catalogue import share
from idp import apps as apps_module
from idp.app_key import AppKeys
from idp.errors import AppUnknown, CredentialRejected, LimitReached
from tests.catalogue.catalogue_room import SEAL, CatalogueRoom
from tests.idp.people import NOW


def test_an_ended_app_is_nobody_and_its_shares_are_told_as_over(room: CatalogueRoom) -> None:
    one, app = room.publish(), room.app()
    room.give(one, app)
    keys = AppKeys(room.roles.city.database, SEAL, clock=room.roles.city.clock)
    key = app.removeprefix("app:")
    assert keys.find(key).subject == app
    with pytest.raises(AppUnknown):
        room.room.apps.end(app, room.act("user:x", "01E", "housing"))
    _, epoch = room.room.apps.end(app, room.act("user:x", "01E", "civil"))
    assert room.roles.changed_subjects(since=epoch - 1) == [app]
    with pytest.raises(CredentialRejected):
        keys.find(key)
    assert room.room.shares.list_by_resource(one.resource) == []
    with pytest.raises(AppUnknown):
        room.give(one, app, until=NOW + timedelta(days=60))


def test_the_secret_is_shown_once_and_stands_nowhere_in_the_database(room: CatalogueRoom) -> None:
    made, secret = room.room.apps.create("核验", room.act("user:li", "01A", "civil"))
    keys = AppKeys(room.roles.city.database, SEAL, clock=room.roles.city.clock)
    assert keys.find(made.id.removeprefix("app:")).secret == secret.encode()
    assert secret.encode() not in room.roles.city.bytes_at_rest()
    assert secret not in repr(made)


def test_each_row_names_its_record_and_is_told_for_the_outcome(room: CatalogueRoom) -> None:
    one, app = room.publish(), room.app()
    given = room.give(one, app)
    written = {f"resource {one.id}", f"app {app}", f"assignment {given.id}", f"share {given.id}"}
    assert written <= room.notes.keys()
    (row,) = [it for it in room.roles.city.rows(store.assignment) if it["id"] == given.id]
    assert (row["record"], row["reason"], row["given_by"]) == ("01S", "核验", "user:li")
    assert {it["record"] for it in room.roles.city.rows(store.rule)} == {"01R"}


def test_there_are_only_so_many_apps_and_shares(room: CatalogueRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apps_module, "PER_DEPARTMENT", 3)
    monkeypatch.setattr(share, "PER_RESOURCE", 2)
    monkeypatch.setattr(resource_module, "PER_DEPARTMENT", 1)
    one, apps = room.publish(), [room.app() for _ in range(3)]
    with pytest.raises(LimitReached):
        room.app()
    with pytest.raises(LimitReached):
        room.publish()
    room.app(department="housing")
    for app in apps[:2]:
        room.give(one, app)
    with pytest.raises(LimitReached):
        room.give(one, apps[2])
