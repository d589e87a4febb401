"""Resources, apps and shares on both databases: what is written, what it opens, and when that is over."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from authz import store
from authz.decide import decide
from authz.errors import MayNotGrant, PolicyInvalid
from authz.label import Label
from authz.request import AccessRequest
from catalogue import app_key, share
from catalogue import resource as resource_module
from catalogue.errors import AlreadyShared, AppUnknown, CatalogueFull, NotServed, ResourceUnknown, ShareUnknown
from catalogue.resource import PAGE, Resource, reader_of
from catalogue.room import Catalogue, over
from catalogue.share import Asked, Share
from catalogue.store import resource as resource_table
from crypto.aead import Seal
from idp.app_key import AppKeys
from idp.errors import CredentialRejected
from tests.authz.town import Desk, desk
from tests.catalogue.shop import described
from tests.idp.people import NOW

SEAL = Seal(b"k" * 32)


@pytest.fixture
def town(database_url: str) -> Iterator[Desk]:
    with desk(database_url) as made:
        made.insert(store.system, id="housing", department="housing", name_zh="房产", name_en="Housing", label=2)
        yield made


class Room:
    """The room over a town; `may` asks the decision point, as it is at the clock's time."""

    def __init__(self, town: Desk) -> None:
        self.town, self.told = town, dict[str, str | int]()
        city = town.city
        self.room: Catalogue = over(
            city.database, town.epochs, SEAL, clock=city.clock, mint=city.mint,
            label_of=lambda department, system, _: Label.L3 if (department, system) == ("housing", "housing") else None,
        )  # fmt: skip

    def publish(self, path: str = "/open/p", **changes: str) -> Resource:
        return self.room.resources.publish(
            described(**changes), department="housing", system="housing", path=path, actor="user:admin", record="01R",
            told=self.told,
        )[0]  # fmt: skip

    def withdraw(self, one: Resource, department: str = "housing") -> None:
        self.room.resources.withdraw(
            one.resource, department=department, actor="user:admin", record="01W", told=self.told
        )

    def app(self, name: str = "核验", department: str = "civil") -> str:
        return self.room.apps.create(name, department_id=department, actor="user:li", record="01A", told=self.told)[
            0
        ].id

    def give(self, one: Resource, app: str, *, speaks_for: Any = lambda _: True, **changes: Any) -> Share:
        asked = {"resource": one.resource, "department": "housing", "app": app, "purpose": "核验",
                 "until": NOW + timedelta(days=30), "actor": "user:li", "approver": "user:admin", "record": "01S"}  # fmt: skip
        return self.room.shares.give(Asked(**asked | changes), speaks_for=speaks_for, told=self.told)[0]

    def may(self, app: str, path: str = "/open/p", *, label: Label = Label.L3, action: str = "read") -> str:
        policies = self.town.register.policies(version=1)
        request = AccessRequest(
            id="01J", at=self.town.city.clock(), subject=app, department="housing", object=f"/housing{path}",
            action=action, label=label, ceiling=Label.L3,
        )  # fmt: skip
        return decide(policies, request).reason


@pytest.fixture
def room(town: Desk) -> Room:
    return Room(town)


def test_what_is_shared_is_read_until_its_moment_and_no_job_has_to_run(room: Room) -> None:
    one, app = room.publish(), room.app()
    assert room.may(app) == "no-rule"
    given = room.give(one, app, until=NOW + timedelta(seconds=2))
    assert (given.clearance, given.purpose, given.approved_by, given.asked_by) == (3, "核验", "user:admin", "user:li")
    assert [room.may(app, path) for path in ("/open/p", "/open/p/1")] == ["permit", "permit"]
    room.town.city.clock.add(seconds=1.999)
    assert room.may(app) == "permit"
    room.town.city.clock.add(seconds=0.001)
    assert room.may(app) == "no-rule"
    assert room.room.shares.of_resource(one.resource) == []


def test_a_share_opens_its_path_for_reading_up_to_its_label_and_nothing_else(room: Room) -> None:
    one, app, other = room.publish(), room.app(), room.app()
    room.give(one, app)
    assert room.may(app, label=Label.L4) == "clearance"
    beside = ("/open", "/open/", "/open/px", "/certificates/17", "/")
    assert {room.may(app, path) for path in beside} == {"no-rule"}
    assert room.may(app, action="file") == "no-rule"
    assert room.may(other) == "no-rule"


def test_what_is_withdrawn_nobody_reads_and_its_role_opens_nothing_more(room: Room) -> None:
    one, app = room.publish(), room.app()
    room.give(one, app)
    room.withdraw(one)
    assert room.may(app) == "no-rule"
    with pytest.raises(ResourceUnknown):
        room.room.resources.find(one.resource)
    with pytest.raises(ResourceUnknown):
        room.give(one, app, until=NOW + timedelta(days=60))
    again = room.publish()
    assert again.resource != one.resource
    assert room.may(app) == "no-rule"


def test_a_share_is_ended_by_owner_or_user_and_by_nobody_else(room: Room) -> None:
    one, app = room.publish(), room.app()
    for mine, others in (
        ({"owner": "housing", "of": one.resource}, {"owner": "civil", "of": one.resource}),
        ({"user": "civil", "of": app}, {"user": "housing", "of": app}),
    ):
        given = room.give(one, app)
        common = {"actor": "user:x", "record": "01E", "told": room.told}
        for wrong in (
            others,
            {"owner": "housing", "of": "other"},
            {"owner": "housing", "of": app},
            {"of": one.resource},
        ):
            with pytest.raises(ShareUnknown):
                room.room.shares.end(given.id, **wrong, **common)  # type: ignore[arg-type]
        assert room.may(app) == "permit"
        over_, epoch = room.room.shares.end(given.id, **mine, **common)  # type: ignore[arg-type]
        assert (over_.id, epoch) == (given.id, room.town.epochs.confirmations().epoch)
        assert room.may(app) == "no-rule"
        with pytest.raises(ShareUnknown):
            room.room.shares.end(given.id, **mine, **common)  # type: ignore[arg-type]


def test_nobody_asks_for_an_app_of_others_nor_for_what_is_not_there(room: Room) -> None:
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


def test_a_share_that_would_give_nothing_is_not_given_twice_and_a_longer_one_is(room: Room) -> None:
    one, app = room.publish(), room.app()
    room.give(one, app)
    with pytest.raises(AlreadyShared):
        room.give(one, app, until=NOW + timedelta(days=29))
    room.give(one, app, until=NOW + timedelta(days=31))


def test_readers_roles_are_none_that_a_person_could_be_given(room: Room) -> None:
    assert reader_of(room.publish().resource) not in room.town.administration.roles()


def test_no_mandate_gives_the_reader_role_and_none_is_made_by_sharing(room: Room) -> None:
    one, app = room.publish(), room.app()
    room.give(one, app)
    with pytest.raises(MayNotGrant):
        room.town.give(role_id=reader_of(one.resource), department="housing")
    assert room.town.city.rows(store.may_grant) == []


def test_an_ended_app_is_nobody_and_its_shares_are_told_as_over(room: Room) -> None:
    one, app = room.publish(), room.app()
    room.give(one, app)
    keys = AppKeys(room.town.city.database, SEAL, clock=room.town.city.clock)
    key = app.removeprefix("app:")
    assert keys.find(key).subject == app
    common = {"actor": "user:x", "record": "01E", "told": room.told}
    with pytest.raises(AppUnknown):
        room.room.apps.end(app, department_id="housing", **common)  # type: ignore[arg-type]
    _, epoch = room.room.apps.end(app, department_id="civil", **common)  # type: ignore[arg-type]
    assert room.town.told(since=epoch - 1) == [app]
    with pytest.raises(CredentialRejected):
        keys.find(key)
    assert room.room.shares.of_resource(one.resource) == []
    with pytest.raises(AppUnknown):
        room.give(one, app, until=NOW + timedelta(days=60))


def test_the_secret_is_shown_once_and_stands_nowhere_in_the_database(room: Room) -> None:
    made, secret = room.room.apps.create("核验", department_id="civil", actor="user:li", record="01A", told={})
    keys = AppKeys(room.town.city.database, SEAL, clock=room.town.city.clock)
    assert keys.find(made.id.removeprefix("app:")).secret == secret.encode()
    assert secret.encode() not in room.town.city.bytes_at_rest()
    assert secret not in repr(made)


def test_a_version_replaces_how_it_is_described_and_nothing_else(room: Room) -> None:
    one, app = room.publish(), room.app()
    room.give(one, app)
    values = {"actor": "user:admin", "record": "01V", "told": room.told}
    two = room.room.resources.renew(one.resource, described(version="2.0", name="新名"), department="housing", **values)  # type: ignore[arg-type]
    assert (two.resource, two.path, two.label, two.version) == (one.resource, one.path, one.label, "2.0")
    assert [it.version for it in room.room.resources.versions(one.resource)] == ["2.0", "1.0"]
    assert room.may(app) == "permit"
    for department, identifier in (("civil", one.resource), ("housing", "none")):
        with pytest.raises(ResourceUnknown):
            room.room.resources.renew(identifier, described(), department=department, **values)  # type: ignore[arg-type]
        with pytest.raises(ResourceUnknown):
            room.withdraw(Resource(**{**_values(one), "resource": identifier}), department)


def _values(one: Resource) -> dict[str, Any]:
    return {name: getattr(one, name) for name in Resource.__dataclass_fields__}


def test_only_what_a_route_of_the_department_serves_is_published(room: Room) -> None:
    values = {"path": "/open/p", "actor": "user:admin", "record": "01R", "told": room.told}
    for department, system in (("civil", "housing"), ("housing", "marriage")):
        with pytest.raises(NotServed):
            room.room.resources.publish(described(), department=department, system=system, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["/a*", "/a:b", "/a b", "/(a)", "//a"])
def test_a_path_the_policy_could_not_read_leaves_everything_as_it_was(room: Room, path: str) -> None:
    """One rule that cannot be read would have the whole policy set refused, and with it every request."""
    with pytest.raises(PolicyInvalid):
        room.publish(path)
    assert (room.town.city.rows(resource_table), room.town.city.rows(store.rule)) == ([], [])
    room.town.register.policies(version=1)


def test_each_row_names_its_record_and_is_told_for_the_outcome(room: Room) -> None:
    one, app = room.publish(), room.app()
    given = room.give(one, app)
    written = {f"resource {one.id}", f"app {app}", f"assignment {given.id}", f"share {given.id}"}
    assert written <= room.told.keys()
    (row,) = [it for it in room.town.city.rows(store.assignment) if it["id"] == given.id]
    assert (row["record"], row["reason"], row["given_by"]) == ("01S", "核验", "user:li")
    assert {it["record"] for it in room.town.city.rows(store.rule)} == {"01R"}


def test_words_in_chinese_and_english_are_found_wherever_they_stand(room: Room) -> None:
    house = room.publish(name="不动产登记信息", description="面积与编号 Area")
    room.publish(name="婚姻登记", description="100% _ 历年")
    search = room.room.resources.search
    for words in ("动产", "登记 面积", "area", "不动产  编号"):
        assert [it.resource for it in search(words)] == [house.resource]
    assert len(search("登记")) == len(search("")) == 2
    for words in ("不存在", "登记 不存在", "a\0", "%%", "__"):
        assert search(words) == []
    assert [len(search(mark)) for mark in ("%", "_", "'", "\\")] == [1, 1, 0, 0]


def test_ten_thousand_resources_are_walked_page_by_page_each_once(room: Room) -> None:
    one = room.publish()
    columns = {**_values(one), "record": "01B"}
    rows = [columns | {"id": f"v{n:05}", "resource": f"r{n:05}", "name": f"第 {n} 号"} for n in range(10_000)]
    with room.town.city.database.transaction() as connection:
        connection.execute(sa.delete(resource_table))
        connection.execute(sa.insert(resource_table), rows)
    seen, before = list[str](), ""
    while found := room.room.resources.search("号", before=before):
        assert len(found) <= PAGE
        seen += [it.resource for it in found]
        before = seen[-1]
        if len(seen) > 500:
            break
    assert seen == [f"r{n:05}" for n in range(9999, 9999 - len(seen), -1)]
    assert [it.name for it in room.room.resources.search("第 4242")] == ["第 4242 号"]


def test_there_are_only_so_many_apps_and_shares(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_key, "PER_DEPARTMENT", 3)
    monkeypatch.setattr(share, "PER_RESOURCE", 2)
    monkeypatch.setattr(resource_module, "PER_DEPARTMENT", 1)
    one, apps = room.publish(), [room.app() for _ in range(3)]
    with pytest.raises(CatalogueFull):
        room.app()
    with pytest.raises(CatalogueFull):
        room.publish()
    room.app(department="housing")
    for app in apps[:2]:
        room.give(one, app)
    with pytest.raises(CatalogueFull):
        room.give(one, apps[2])


def test_of_many_who_share_or_withdraw_at_once_one_after_the_other_counts(room: Room) -> None:
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
