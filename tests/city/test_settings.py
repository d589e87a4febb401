"""Settings: read once, checked whole, the same in a child process."""

from pathlib import Path
from typing import Any

import pytest

from city.settings import SECRETS, Settings, SettingsInvalid, from_environment, to_environment


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.__dataclass_fields__:
        for variable in (f"CITYGATE_{name.upper()}", f"CITYGATE_{name.upper()}_FILE"):
            monkeypatch.delenv(variable, raising=False)


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
        Settings(scheme="https", address="0.0.0.0", redirect_port=80, tls_certificate=Path("c"), tls_key=Path("k")),
    ):
        with monkeypatch.context() as child:
            for name, text in to_environment(given).items():
                child.setenv(name, text)
            assert from_environment() == given


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("PROFILE", "production", "CITYGATE_LISTEN=0"),
        ("PROFILE", "demo", "demo"),
        ("NAME", "gateway 1", "name"),
        ("SCHEME", "gopher", "scheme"),
        ("PORT", "http", "CITYGATE_PORT: `http`"),
        ("PORT", "0", "port"),
        ("PORT", "-1", "port"),
        ("PORT", "65535", "next one"),
        ("ISSUER_PORT", "65536", "issuer_port"),
        ("LISTEN", "0", "CITYGATE_DATA_PLANE_SECRET"),
        ("LISTEN", "no", "CITYGATE_LISTEN"),
        ("LISTEN", "", "CITYGATE_LISTEN"),
        ("DATA", "", "CITYGATE_DATA"),
        ("TLS_KEY", "", "CITYGATE_TLS_KEY"),
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


PRODUCTION = {
    "PROFILE": "production",
    "LISTEN": "0",
    "SCHEME": "https",
    "DOMAIN": "city.example",
    "DATABASE": "postgresql+psycopg://citygate@db/citygate",
    "REDIS": "redis://cache:6379/0",
    "DATABASE_PASSWORD": "one",
    "REDIS_PASSWORD": "two",
    "DATA_PLANE_SECRET": "three",
}


def test_production_begins_with_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in PRODUCTION.items():
        monkeypatch.setenv(f"CITYGATE_{name}", text)
    told = from_environment()
    assert (told.profile, told.issuer) == ("production", "https://login.city.example:8080/realms/city")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"LISTEN": "1"}, "CITYGATE_LISTEN=0"),
        ({"DATA_PLANE_SECRET": ""}, "CITYGATE_DATA_PLANE_SECRET"),
        ({"DATABASE": ""}, "CITYGATE_DATABASE"),
        ({"DATABASE_PASSWORD": ""}, "CITYGATE_DATABASE_PASSWORD"),
        ({"REDIS_PASSWORD": ""}, "CITYGATE_REDIS_PASSWORD"),
        ({"DATABASE": "sqlite:///city.db"}, "database"),
        ({"DATABASE": "postgresql+psycopg://citygate:inside@db/citygate"}, "password in database_password"),
        ({"REDIS": "redis://:inside@cache/0"}, "password in redis_password"),
        ({"SCHEME": "http"}, "CITYGATE_SCHEME=https"),
    ],
)
def test_production_without_it_does_not_begin(
    monkeypatch: pytest.MonkeyPatch, changed: dict[str, str], said: str
) -> None:
    for name, text in {**PRODUCTION, **changed}.items():
        monkeypatch.setenv(f"CITYGATE_{name}", text)
    with pytest.raises(SettingsInvalid, match=said) as refused:
        from_environment()
    assert "inside" not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"scheme": "https", "tls_key": Path("key")}, "both, or neither"),
        ({"scheme": "https", "tls_certificate": Path("certificate")}, "both, or neither"),
        ({"tls_certificate": Path("certificate"), "tls_key": Path("key")}, "CITYGATE_SCHEME=https"),
        ({"redirect_port": 80}, "CITYGATE_SCHEME=https"),
        ({"scheme": "https", "port": 443, "redirect_port": 443}, "public port itself"),
        ({"scheme": "https", "redirect_port": -1}, "redirect_port"),
        ({"address": "city.example"}, "IP address"),
        ({"address": "0.0.0.0; }"}, "IP address"),
    ],
)
def test_a_data_plane_that_would_not_be_what_was_meant_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsInvalid, match=said):
        Settings(**given)


def test_an_address_has_a_port_only_where_browsers_show_one() -> None:
    city = Settings(scheme="https", port=443, domain="city.example")
    assert (city.origin("login"), city.origin("")) == ("https://login.city.example", "https://city.example")
    assert Settings().origin("") == "http://localhost:8080"


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_read_from_the_file_that_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    variable, file = f"CITYGATE_{name.upper()}", tmp_path / "secret"
    file.write_text("s3cret\n")
    monkeypatch.setenv(f"{variable}_FILE", str(file))
    assert getattr(from_environment(), name) == "s3cret"
    monkeypatch.setenv(variable, "s3cret")
    with pytest.raises(SettingsInvalid, match="one of them"):
        from_environment()
    monkeypatch.delenv(variable)
    for broken, said in ((lambda: file.write_text("\n"), "is empty"), (file.unlink, "cannot be read")):
        broken()
        with pytest.raises(SettingsInvalid, match=said) as refused:
            from_environment()
        assert "s3cret" not in str(refused.value)


def test_the_secret_is_not_in_what_is_printed() -> None:
    assert "s3cret" not in repr(Settings(listen=False, data_plane_secret="s3cret"))
