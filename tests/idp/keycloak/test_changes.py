"""What is done to an account in Keycloak itself is seen by the account of the watcher."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from idp.errors import IssuerAdministrationUnavailable
from idp.keycloak.admin import Admin
from idp.keycloak.changes import OVERLAP, changed_since
from idp.keycloak.realm import REALM, WATCHER
from tests.stack.keycloak import WATCHER_SECRET, LiveKeycloak


@pytest.fixture
def watcher(live_keycloak: LiveKeycloak) -> Admin:
    return live_keycloak.as_client(WATCHER, WATCHER_SECRET)


def now() -> datetime:
    return datetime.now(UTC)


def enable(live: LiveKeycloak, sub: str, *, enabled: bool) -> None:
    """As the admin console does it: the whole account is sent back."""
    account = live.admin.get(f"{REALM}/users/{sub}")
    live.admin.put(f"{REALM}/users/{sub}", {**account, "enabled": enabled})


def told(watcher: Admin, sub: str, since: datetime | None = None) -> list[str]:
    return [one.what for one in changed_since(watcher, since or now()) if one.sub == sub]


def test_who_is_disabled_is_named(live_keycloak: LiveKeycloak, watcher: Admin) -> None:
    person, other = live_keycloak.somebody(), live_keycloak.somebody()
    assert told(watcher, person.sub) == []
    enable(live_keycloak, person.sub, enabled=False)
    assert told(watcher, person.sub) == ["disabled"]
    assert told(watcher, other.sub) == []


def test_who_is_enabled_again_is_named_no_more(live_keycloak: LiveKeycloak, watcher: Admin) -> None:
    person = live_keycloak.somebody()
    for enabled in (False, True):
        enable(live_keycloak, person.sub, enabled=enabled)
    assert told(watcher, person.sub) == []


def test_who_is_deleted_is_named(live_keycloak: LiveKeycloak, watcher: Admin) -> None:
    person = live_keycloak.somebody()
    live_keycloak.admin.delete(f"{REALM}/users/{person.sub}")
    assert told(watcher, person.sub) == ["deleted"]


def test_a_password_that_was_reset_is_named_with_its_time(live_keycloak: LiveKeycloak, watcher: Admin) -> None:
    person, before = live_keycloak.somebody(), now()
    body = {"type": "password", "value": "canary another password", "temporary": False}
    live_keycloak.admin.put(f"{REALM}/users/{person.sub}/reset-password", body)
    (change,) = [one for one in changed_since(watcher, now()) if one.sub == person.sub]
    assert change.what == "password-reset"
    assert before - timedelta(seconds=1) < change.at < now() + timedelta(seconds=1)


def test_a_renamed_person_keeps_her_sessions(live_keycloak: LiveKeycloak, watcher: Admin) -> None:
    person = live_keycloak.somebody()
    live_keycloak.admin.put(f"{REALM}/users/{person.sub}", {"firstName": "李梅"})
    assert told(watcher, person.sub) == []


def test_what_was_before_is_not_told_again(live_keycloak: LiveKeycloak, watcher: Admin) -> None:
    person = live_keycloak.somebody()
    enable(live_keycloak, person.sub, enabled=False)
    time.sleep(0.01)
    assert told(watcher, person.sub, now() + OVERLAP) == []
    assert told(watcher, person.sub, now() - timedelta(days=1)) == ["disabled"]


def test_many_changes_are_read_page_by_page(
    live_keycloak: LiveKeycloak, watcher: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("idp.keycloak.changes.PAGE", 3)
    people = [live_keycloak.somebody() for _ in range(7)]
    for person in people:
        enable(live_keycloak, person.sub, enabled=False)
    disabled = {one.sub for one in changed_since(watcher, now()) if one.what == "disabled"}
    assert {person.sub for person in people} <= disabled
    monkeypatch.setattr("idp.keycloak.changes.MAX_PAGES", 2)
    with pytest.raises(IssuerAdministrationUnavailable, match="more than 6"):
        changed_since(watcher, now())


def test_without_admin_events_nothing_is_known(live_keycloak: LiveKeycloak, watcher: Admin) -> None:
    settings = live_keycloak.admin.get(REALM)
    live_keycloak.admin.put(REALM, {**settings, "adminEventsEnabled": False})
    try:
        with pytest.raises(IssuerAdministrationUnavailable, match="not kept"):
            changed_since(watcher, now())
    finally:
        live_keycloak.admin.put(REALM, settings)


def test_one_look_asks_little(live_keycloak: LiveKeycloak, watcher: Admin) -> None:
    """Two questions, and one for each account that was updated; not one for each person there is."""
    asked: list[str] = []
    ask = watcher.get
    watcher.get = lambda path, **query: asked.append(path) or ask(path, **query)
    changed_since(watcher, now() + OVERLAP)
    assert asked == [f"{REALM}/events/config", f"{REALM}/admin-events"]
