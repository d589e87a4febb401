"""What was written stands in the act's notes, also where nobody could confirm then that it is effective."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from authz.errors import LeaseLost
from authz.lease import Receipt
from catalogue.errors import ResourceUnknown
from catalogue.resource import Resource
from catalogue.share import ShareRequest
from console.catalogue.acts import (
    end_share_as_owner,
    end_share_as_user,
    give_share,
    publish_resource,
    withdraw_resource,
)
from console.catalogue.app_acts import APP_CHANGES, change_app
from storage.act import Act
from storage.witness import GONE
from tests.acts import an_act
from tests.catalogue.catalogue_room import CatalogueRoom
from tests.catalogue.publishing_city import described
from tests.idp.people import NOW


def nobody_confirms(_epoch: int) -> Receipt:
    raise LeaseLost


def notes_of(department: str, carry_out: Callable[[Act], object]) -> dict[str, str | int]:
    """What stands in the outcome record of an act of this department that fails after it wrote."""
    act = an_act(at=NOW, department=department)
    with pytest.raises(LeaseLost):
        carry_out(act)
    return act.notes


@pytest.fixture
def resource(room: CatalogueRoom) -> Resource:
    return room.publish()


def test_a_resource_is_published_or_withdrawn(room: CatalogueRoom, resource: Resource) -> None:
    resources = room.room.resources
    notes = notes_of(
        "housing",
        lambda act: publish_resource(
            resources, act, described(), system="housing", path="/open/q", effective=nobody_confirms
        ),
    )
    assert (notes["system"], notes["path"], notes["label"]) == ("housing", "/open/q", 3)
    assert f"role reader-of-{str(notes['resource']).lower()}" in notes
    notes = notes_of(
        "housing", lambda act: withdraw_resource(resources, act, resource.resource, effective=nobody_confirms)
    )
    assert notes["resource"] == resource.resource
    assert notes[f"rule reader-of-{resource.resource.lower()}-at"] == GONE
    assert f"resource {resource.id}" in notes


def test_a_share_is_given_or_ended(room: CatalogueRoom, resource: Resource) -> None:
    shares, app = room.room.shares, room.app()
    wanted = ShareRequest(resource=resource.resource, app=app, purpose="核验", until=NOW + timedelta(days=30))
    notes = notes_of(
        "housing",
        lambda act: give_share(shares, act, wanted, speaks_for=lambda _: True, effective=nobody_confirms),
    )
    assert (notes["purpose"], notes["until"]) == ("核验", wanted.until.isoformat(timespec="seconds"))
    given = str(notes["share"])
    assert {f"assignment {given}", f"share {given}"} <= notes.keys()
    notes = notes_of(
        "housing",
        lambda act: end_share_as_owner(shares, act, given, resource=resource.resource, effective=nobody_confirms),
    )
    assert (notes["share"], notes["resource"], notes["app"]) == (given, resource.resource, app)
    assert f"assignment {given}" in notes
    again = room.give(resource, app).id
    notes = notes_of("civil", lambda act: end_share_as_user(shares, act, again, app=app, effective=nobody_confirms))
    assert (notes["share"], f"assignment {again}" in notes) == (again, True)


@pytest.mark.parametrize("verb", APP_CHANGES)
def test_an_app_is_changed(room: CatalogueRoom, verb: str) -> None:
    app = room.app()
    notes = notes_of(
        "civil",
        lambda act: change_app(room.room.apps, act, APP_CHANGES[verb], app, effective=nobody_confirms),
    )
    assert (notes["app"], f"app {app}" in notes) == (app, True)


def test_an_act_that_is_refused_notes_nothing(room: CatalogueRoom, resource: Resource) -> None:
    act = an_act(at=NOW, department="civil")
    with pytest.raises(ResourceUnknown):
        withdraw_resource(room.room.resources, act, resource.resource, effective=nobody_confirms)
    assert act.notes == {}
