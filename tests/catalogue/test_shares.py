"""Shares on both databases: what they open to whom, who ends them, and when they are over."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from authz import store
from authz.errors import MayNotGrant
from authz.label import Label
from catalogue.errors import AlreadyShared, ResourceUnknown, ShareUnknown
from catalogue.resource import reader_of
from idp.errors import AppUnknown
from storage.act import Act
from tests.catalogue.catalogue_room import CatalogueRoom
from tests.idp.people import NOW


def test_what_is_shared_is_read_until_its_moment_and_no_job_has_to_run(room: CatalogueRoom) -> None:
    one, app = room.publish(), room.app()
    assert room.may(app) == "no-rule"
    given = room.give(one, app, until=NOW + timedelta(seconds=2))
    assert (given.clearance, given.purpose, given.approved_by, given.asked_by) == (3, "核验", "user:admin", "user:li")
    assert [room.may(app, path) for path in ("/open/p", "/open/p/1")] == ["permit", "permit"]
    room.roles.city.clock.add(seconds=1.999)
    assert room.may(app) == "permit"
    room.roles.city.clock.add(seconds=0.001)
    assert room.may(app) == "no-rule"
    assert room.room.shares.list_by_resource(one.resource) == []


def test_a_share_opens_its_path_for_reading_up_to_its_label_and_nothing_else(room: CatalogueRoom) -> None:
    one, app, other = room.publish(), room.app(), room.app()
    room.give(one, app)
    assert room.may(app, label=Label.L4) == "clearance"
    beside = ("/open", "/open/", "/open/px", "/certificates/17", "/")
    assert {room.may(app, path) for path in beside} == {"no-rule"}
    assert room.may(app, action="file") == "no-rule"
    assert room.may(other) == "no-rule"


def test_a_share_is_ended_by_owner_or_user_and_by_nobody_else(room: CatalogueRoom) -> None:
    one, app = room.publish(), room.app()
    as_owner, as_user = room.room.shares.end_as_owner, room.room.shares.end_as_user

    def act(department: str) -> Act:
        return room.act("user:x", "01E", department)

    for mine, others in (
        (lambda share: as_owner(share, act("housing"), resource=one.resource),
         lambda share: as_owner(share, act("civil"), resource=one.resource)),
        (lambda share: as_user(share, act("civil"), app=app), lambda share: as_user(share, act("housing"), app=app)),
    ):  # fmt: skip
        given = room.give(one, app)
        for wrong in (
            others,
            lambda share: as_owner(share, act("housing"), resource="other"),
            lambda share: as_owner(share, act("housing"), resource=app),
            lambda share: as_user(share, act("civil"), app="other"),
            lambda share: as_user(share, act("civil"), app=one.resource),
        ):
            with pytest.raises(ShareUnknown):
                wrong(given.id)
        assert room.may(app) == "permit"
        ended, epoch = mine(given.id)
        assert (ended.id, epoch) == (given.id, room.roles.epochs.confirmations().epoch)
        assert room.may(app) == "no-rule"
        with pytest.raises(ShareUnknown):
            mine(given.id)


def test_nobody_asks_for_an_app_of_others_nor_for_what_is_not_there(room: CatalogueRoom) -> None:
    one, app = room.publish(), room.app()
    asked_about: list[str] = []
    with pytest.raises(AppUnknown):
        room.give(one, app, speaks_for=lambda department: bool(asked_about.append(department)))
    assert asked_about == ["civil"]
    for changes, failure in (
        ({"app": "app:none"}, AppUnknown), ({"app": "a\0b"}, AppUnknown), ({"department": "civil"}, ResourceUnknown),
        ({"resource": "none"}, ResourceUnknown), ({"resource": "a\0"}, ResourceUnknown),
    ):  # fmt: skip
        with pytest.raises(failure):
            room.give(one, **({"app": app} | changes))
    assert room.may(app) == "no-rule"


def test_a_share_that_would_give_nothing_is_not_given_twice_and_a_longer_one_is(room: CatalogueRoom) -> None:
    one, app = room.publish(), room.app()
    room.give(one, app)
    with pytest.raises(AlreadyShared):
        room.give(one, app, until=NOW + timedelta(days=29))
    room.give(one, app, until=NOW + timedelta(days=31))


def test_readers_roles_are_none_that_a_person_could_be_given(room: CatalogueRoom) -> None:
    assert reader_of(room.publish().resource) not in room.roles.administration.roles()


def test_no_mandate_gives_the_reader_role_and_none_is_made_by_sharing(room: CatalogueRoom) -> None:
    one, app = room.publish(), room.app()
    room.give(one, app)
    with pytest.raises(MayNotGrant):
        room.roles.give(role=reader_of(one.resource), department="housing")
    assert room.roles.city.rows(store.may_grant) == []


def test_of_many_who_share_or_withdraw_at_once_one_after_the_other_counts(room: CatalogueRoom) -> None:
    one, app = room.publish(), room.app()

    def give(_: int) -> bool:
        try:
            return bool(room.give(one, app))
        except AlreadyShared:
            return False

    def withdraw(_: int) -> bool:
        try:
            room.withdraw(one)
        except ResourceUnknown:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(give, range(8))) == 1
        assert sum(threads.map(withdraw, range(8))) == 1
    assert room.may(app) == "no-rule"
