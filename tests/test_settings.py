"""Settings: read once, checked whole, the same in a child process."""

from pathlib import Path

import pytest

from settings import Settings, SettingsInvalid, from_environment, to_environment


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.__dataclass_fields__:
        monkeypatch.delenv(f"CITYGATE_{name.upper()}", raising=False)


def test_nothing_set_is_the_embedded_profile_on_the_public_port() -> None:
    told = from_environment()
    assert (told.profile, told.port, told.listen) == ("embedded", 8080, True)
    assert told.origin("console") == "http://console.localhost:8080"
    assert told.issuer == "http://login.localhost:8080/realms/city"


def test_a_child_process_reads_what_its_parent_had(monkeypatch: pytest.MonkeyPatch) -> None:
    for given in (
        Settings(),
        Settings(
            data=Path("/srv/city"), port=9000, domain="city.example", routes=Path("/srv/routes.toml"), issuer_port=9100
        ),
        Settings(listen=False, data_plane_secret="s3cret", subject_per_minute=1, anonymous_per_minute=2),
    ):
        monkeypatch.delenv("CITYGATE_ROUTES", raising=False)
        for name, text in to_environment(given).items():
            monkeypatch.setenv(name, text)
        assert from_environment() == given


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("PROFILE", "production", "production"),
        ("PORT", "http", "CITYGATE_PORT: `http`"),
        ("PORT", "0", "port"),
        ("PORT", "-1", "port"),
        ("PORT", "65535", "next one"),
        ("ISSUER_PORT", "65536", "issuer_port"),
        ("LISTEN", "0", "CITYGATE_DATA_PLANE_SECRET"),
        ("LISTEN", "no", "CITYGATE_LISTEN"),
        ("LISTEN", "", "CITYGATE_LISTEN"),
        ("SUBJECT_PER_MINUTE", "0", "at least 1"),
        ("ANONYMOUS_PER_MINUTE", "many", "many"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, said: str
) -> None:
    monkeypatch.setenv(f"CITYGATE_{name}", text)
    with pytest.raises(SettingsInvalid, match=said):
        from_environment()


def test_the_secret_is_not_in_what_is_printed() -> None:
    assert "s3cret" not in repr(Settings(listen=False, data_plane_secret="s3cret"))
