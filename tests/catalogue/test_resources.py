"""Resources on both databases: what may be published, their versions, their end, and how they are found."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from authz import store
from authz.errors import PolicyInvalid
from catalogue.errors import NotServed, ResourceUnknown
from catalogue.resource import PAGE, Resource
from catalogue.store import resource as resource_table
from tests.catalogue.catalogue_room import CatalogueRoom
from tests.catalogue.publishing_city import described
from tests.idp.people import NOW


def test_what_is_withdrawn_nobody_reads_and_its_role_opens_nothing_more(room: CatalogueRoom) -> None:
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


def test_a_version_replaces_how_it_is_described_and_nothing_else(room: CatalogueRoom) -> None:
    one, app = room.publish(), room.app()
    room.give(one, app)
    act = room.act("user:admin", "01V", "housing")
    two = room.room.resources.renew(one.resource, described(version="2.0", name="新名"), act)
    assert (two.resource, two.path, two.label, two.version) == (one.resource, one.path, one.label, "2.0")
    assert [it.version for it in room.room.resources.versions(one.resource)] == ["2.0", "1.0"]
    assert room.may(app) == "permit"
    for department, identifier in (("civil", one.resource), ("housing", "none")):
        with pytest.raises(ResourceUnknown):
            room.room.resources.renew(identifier, described(), room.act("user:admin", "01V", department))
        with pytest.raises(ResourceUnknown):
            room.withdraw(Resource(**{**_values(one), "resource": identifier}), department)


def _values(one: Resource) -> dict[str, Any]:
    return {name: getattr(one, name) for name in Resource.__dataclass_fields__}


def test_only_what_a_route_of_the_department_serves_is_published(room: CatalogueRoom) -> None:
    for department, system in (("civil", "housing"), ("housing", "marriage")):
        act = room.act("user:admin", "01R", department)
        with pytest.raises(NotServed):
            room.room.resources.publish(described(), act, system=system, path="/open/p")


@pytest.mark.parametrize("path", ["/a*", "/a:b", "/a b", "/(a)", "//a"])
def test_a_path_the_policy_could_not_read_leaves_everything_as_it_was(room: CatalogueRoom, path: str) -> None:
    """One rule that cannot be read would have the whole policy set refused, and with it every request."""
    with pytest.raises(PolicyInvalid):
        room.publish(path)
    assert (room.roles.city.rows(resource_table), room.roles.city.rows(store.rule)) == ([], [])
    room.roles.register.policies(version=1)


def test_words_in_chinese_and_english_are_found_wherever_they_stand(room: CatalogueRoom) -> None:
    house = room.publish(name="不动产登记信息", description="面积与编号 Area")
    room.publish(name="婚姻登记", description="100% _ 历年")
    search = room.room.resources.search
    for words in ("动产", "登记 面积", "area", "不动产  编号"):
        assert [it.resource for it in search(words)] == [house.resource]
    assert len(search("登记")) == len(search("")) == 2
    for words in ("不存在", "登记 不存在", "a\0", "%%", "__"):
        assert search(words) == []
    assert [len(search(mark)) for mark in ("%", "_", "'", "\\")] == [1, 1, 0, 0]


def test_ten_thousand_resources_are_walked_page_by_page_each_once(room: CatalogueRoom) -> None:
    one = room.publish()
    columns = {**_values(one), "record": "01B"}
    rows = [columns | {"id": f"v{n:05}", "resource": f"r{n:05}", "name": f"第 {n} 号"} for n in range(10_000)]
    with room.roles.city.database.transaction() as connection:
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
