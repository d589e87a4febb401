"""The city's questions to its issuer's administration."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from city import issuer_administration as provision
from city.issuer_administration import KeycloakProvisioner
from city.settings import Settings
from crypto.local_keys import create
from idp.errors import IssuerAdministrationUnavailable
from idp.keycloak.realm import REALM
from tests.stack.keycloak import ADMIN_SECRET, LiveKeycloak


class Administration:
    """Nothing was changed there; `away` says that it cannot be asked."""

    made: list["Administration"]
    away = False

    def __init__(self, *_: object, **__: object) -> None:
        self.closed = False
        self.made.append(self)

    def get(self, path: str, **_: object) -> Any:
        if self.away:
            raise IssuerAdministrationUnavailable(path)
        return {"adminEventsEnabled": True} if path.endswith("/config") else []

    def close(self) -> None:
        self.closed = True


def test_who_watches_keeps_her_connection_until_a_question_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(tmp_path / "keys/watcher.key")
    Administration.made = made = []
    monkeypatch.setattr(provision, "Admin", Administration)
    asked = KeycloakProvisioner(Settings(data=tmp_path), clock=lambda: datetime(2026, 1, 1, tzinfo=UTC))
    for _ in range(3):
        assert list(asked.changes()) == []
    assert [one.closed for one in made] == [False]
    made[0].away = True
    with pytest.raises(IssuerAdministrationUnavailable):
        list(asked.changes())
    assert list(asked.changes()) == []
    assert [one.closed for one in made] == [True, False]


def test_who_has_a_second_factor_is_asked_of_keycloak_and_one_that_is_removed_is_missed(
    live_keycloak: LiveKeycloak, tmp_path: Path
) -> None:
    settings = Settings(data=tmp_path, issuer_port=live_keycloak.port, provisioner_secret=ADMIN_SECRET)
    asked = KeycloakProvisioner(settings, clock=lambda: datetime(2026, 1, 1, tzinfo=UTC))
    proven, bare, broken = (live_keycloak.somebody(code=code).sub for code in (True, False, True))
    assert asked.with_second_factor([proven, bare, broken]) == {proven, broken}
    theirs = f"{REALM}/users/{broken}/credentials"
    (code,) = [one["id"] for one in live_keycloak.admin.get(theirs) if one["type"] == "otp"]
    live_keycloak.admin.delete(f"{theirs}/{code}")
    assert asked.with_second_factor([proven, bare, broken]) == {proven}
