"""docker-compose.yml says what city/settings.py takes, gives everybody what they need, and nobody more."""

import inspect
import re
from dataclasses import fields
from pathlib import Path

import click
import pytest

from authz.bootstrap import CLOCK
from city import processes as app
from city.founding import _KEYS, _KEYS_OF_KEYCLOAK
from city.routing import ROLES
from city.settings import SECRETS, Settings, from_environment
from commands.main import cli
from tests.deploy.composed import (
    CITY,
    ROOT,
    TEXT,
    Service,
    compose,
    lasting,
    mounted_secrets,
    networks,
    ours,
    services,
    writable,
)

GATEWAYS = {"gateway-1", "gateway-2", "gateway-3"}
DOORS = GATEWAYS | {"control"}
ONCE = {"configuration", "bootstrap", "migrate"}
PROCESSES = DOORS | {"sequencer", "clock"}
PLAIN = {one.name for one in fields(Settings)} - set(SECRETS)
READ = {"routes", "tls_certificate", "tls_key", "issuer_ca", "backup_pgbackrest"}  # every other path is written to


def settings_of(name: str, monkeypatch: pytest.MonkeyPatch, folder: Path) -> Settings:
    """What this service's process reads, its secrets in files of ours."""
    service = ours()[name]
    for field in Settings.__dataclass_fields__:
        for variable in (f"CITYGATE_{field.upper()}", f"CITYGATE_{field.upper()}_FILE"):
            monkeypatch.delenv(variable, raising=False)
    seen = {place: source for source, place in mounted_secrets(service).items()}
    for variable, text in service["environment"].items():
        given = text
        if variable.endswith("_FILE") and variable.startswith("CITYGATE_"):
            file = folder / seen[text]
            file.write_text(f"secret of {seen[text]}")
            given = str(file)
        monkeypatch.setenv(variable, given)
    return from_environment()


def test_the_city_is_all_there() -> None:
    assert set(services()) == PROCESSES | ONCE | {"nginx", "keycloak", "postgres", "redis"}
    assert set(ours()) == PROCESSES | ONCE


def test_every_variable_is_a_setting_that_exists() -> None:
    known = {f"CITYGATE_{name.upper()}" for name in PLAIN} | {f"CITYGATE_{name.upper()}_FILE" for name in SECRETS}
    for name, service in services().items():
        stated = {variable for variable in service.get("environment", ()) if variable.startswith("CITYGATE_")}
        assert stated <= known, name
        assert bool(stated) == (name in ours())


@pytest.mark.parametrize("name", sorted(PROCESSES | ONCE))
def test_its_process_begins_in_the_production_profile(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    settings = settings_of(name, monkeypatch, tmp_path)
    assert (settings.profile, settings.name, settings.data) == ("production", name, CITY)
    assert settings.issuer == services()["keycloak"]["environment"]["KC_HOSTNAME"] + "/realms/city"
    assert (settings.issuer_address, settings.issuer_port) == ("keycloak", 8080)
    assert settings.origin("console") == "https://console.city.example"
    assert settings.operations == 9000


def of_the_rooms(monkeypatch: pytest.MonkeyPatch, folder: Path) -> set[str]:
    """What `control` alone writes: every path setting that is written to, and what the drivers of `city/infrastructure.py` keep."""
    written = {one.name for one in fields(Settings) if one.type in (Path, Path | None)} - READ - {"data"}
    with monkeypatch.context() as own:
        control = settings_of("control", own, folder)
        assert all(getattr(control, name) or name == "backup_restic" for name in written)
        kept = {str(getattr(control, name)) for name in written if getattr(control, name)}
    driven = re.findall(r'"(infra)/', (ROOT / "city/infrastructure.py").read_text())
    return kept | {str(CITY / name) for name in driven}


def test_what_a_process_writes_is_a_folder_that_lasts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rooms = of_the_rooms(monkeypatch, tmp_path)
    assert len(rooms) == 5
    assert rooms <= writable(services()["control"])
    for name in set(services()) - {"control"}:
        assert not rooms & writable(services()[name]), name
    for service in ours().values():
        for one in service.get("volumes", []):
            assert one["source"] == one["target"]  # what is written there is where the settings say


def test_each_door_has_its_own_socket_folder_and_its_own_spool(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spools = CITY / "audit/spools"
    for name in DOORS:
        with monkeypatch.context() as own:
            run = settings_of(name, own, tmp_path).run
        may = writable(services()[name]) - {str(CITY / "audit"), *of_the_rooms(monkeypatch, tmp_path)}
        assert may == {str(run), str(spools / name)}, name
        if name in GATEWAYS:
            assert writable(services()[name]) == may
    read = {one["target"]: one.get("read_only", False) for one in services()["control"]["volumes"]}
    assert read[str(CITY / "audit/log")]
    assert read[str(spools)]
    seen = {one["source"] for one in services()["nginx"]["volumes"]}
    assert seen == {str(CITY / "run" / name) for name in DOORS | {"nginx"}}
    assert not writable(services()["nginx"])
    assert writable(services()["sequencer"]) == {str(CITY / "audit")}


def test_what_is_not_there_is_not_made_up_by_docker() -> None:
    for service in services().values():
        for one in service.get("volumes", []):
            assert one["type"] == "bind"
            assert one["bind"] == {"create_host_path": False}
            assert one["source"].startswith(("/srv/citygate/", "./deploy/compose/"))
            if one["source"].startswith("./"):
                assert (ROOT / one["source"]).is_file()


def test_every_secret_is_a_file_and_none_has_a_default() -> None:
    telling = re.compile(r"PASSWORD|SECRET|TOKEN|PRIVATE|CREDENTIAL")
    for name, service in services().items():
        given = mounted_secrets(service)
        for variable, text in service.get("environment", {}).items():
            if telling.search(variable) or variable in ("KC_CONFIG_FILE", "SSL_CERT_FILE"):
                assert variable.endswith("_FILE"), (name, variable)
                assert text in given.values(), (name, variable)
            assert not re.search(r"://[^/@]*:[^/@]*@", text), (name, variable)
        assert "--requirepass" not in str(service.get("command"))
        assert given.keys() <= compose()["secrets"].keys(), name
    for stated in compose()["secrets"].values():
        assert list(stated) == ["file"]
        assert stated["file"].startswith(("/srv/citygate/secrets/", "/srv/citygate/tls/", f"{CITY}/keys/"))
    assert not re.search(r"\$\{[^}]*:?[-+]", TEXT)  # no variable has a default


def test_every_secret_of_the_settings_and_every_file_is_needed_by_somebody() -> None:
    stated = {variable for one in ours().values() for variable in one["environment"]}
    assert {f"CITYGATE_{name.upper()}_FILE" for name in SECRETS} <= stated
    given = [source for one in services().values() for source in mounted_secrets(one)]
    assert set(given) == set(compose()["secrets"])


KEYS = {
    "kek-key": DOORS,
    "assertion-key": DOORS,
    "pairwise-key": DOORS,
    "client-key": DOORS,
    "watcher-key": {"control"},
    "audit-key": {"sequencer"},
    "audit-public": DOORS | {"sequencer"},
    "clock-seal": {"clock"},
    "clock-key": {"clock"},
    "provisioner-secret": {"control", "bootstrap"},
    "postgres-password": {"postgres"},
    "keycloak-database-password": {"postgres"},
    "keycloak.conf": {"keycloak"},
    "database-password": set(PROCESSES | ONCE | {"postgres"}),
    "redis-password": set(PROCESSES | ONCE | {"redis"}),
    "data-plane-secret": set(PROCESSES | ONCE),
    "tls-certificate": {"nginx"},
    "tls-key": {"nginx"},
    "door-ca": {"clock", "keycloak"},
}


def test_each_key_is_where_it_is_needed_and_nowhere_else() -> None:
    holders: dict[str, set[str]] = {}
    for name, service in services().items():
        for source in mounted_secrets(service):
            holders.setdefault(source, set()).add(name)
    assert holders == KEYS


def test_no_folder_brings_keys_along() -> None:
    files = [Path(one["file"]) for one in compose()["secrets"].values()]
    for name, service in services().items():
        for one in service.get("volumes", []):
            along = [file for file in files if file.is_relative_to(one["source"])]
            assert not along or name == "bootstrap", (name, one["source"])


def test_a_key_is_seen_where_the_program_looks_for_it() -> None:
    made = {f"{name}.key" for name in (*_KEYS, *_KEYS_OF_KEYCLOAK)} | {"audit.pub", "access.key"}
    for service in services().values():
        for source, place in mounted_secrets(service).items():
            file = Path(compose()["secrets"][source]["file"])
            if file.is_relative_to(CITY):
                assert place == str(file)
                assert file.name in made or file == CITY / "keys/access" / CLOCK


NETWORKS = {
    "edge": {"nginx"},
    "door": {"nginx", "clock", "keycloak"},
    "data": PROCESSES | {"bootstrap", "migrate", "postgres", "redis"},
    "management": DOORS | {"bootstrap", "keycloak"},
    "issuer-data": {"keycloak", "postgres"},
    "portals": GATEWAYS | {"nginx"},
}


def test_who_reaches_whom() -> None:
    attached: dict[str, set[str]] = {}
    for name, service in services().items():
        for one in networks(service):
            attached.setdefault(one, set()).add(name)
    assert attached == NETWORKS
    assert set(compose()["networks"]) == set(NETWORKS)
    for name, stated in compose()["networks"].items():
        assert stated.get("internal", False) == (name != "edge"), name
    assert {name for name, one in services().items() if one.get("ports")} == {"nginx"}
    assert {name for name, one in services().items() if "network_mode" in one} == {"configuration"}
    assert services()["configuration"]["network_mode"] == "none"


def test_the_doors_public_name_leads_to_nginx_on_the_inside_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = settings_of("configuration", monkeypatch, tmp_path)
    console = settings.origin("console").partition("//")[2]
    for network in ("door", "portals"):
        assert services()["nginx"]["networks"][network]["aliases"] == [console]
    assert services()["nginx"]["ports"] == [f"{port}:{port}" for port in (settings.redirect_port, settings.port)]
    assert settings.address == "0.0.0.0"
    given = mounted_secrets(services()["nginx"])
    assert {str(settings.tls_certificate), str(settings.tls_key)} == {given["tls-certificate"], given["tls-key"]}
    assert services()["nginx"]["entrypoint"][-1] == f"{settings.data}/run/nginx/nginx.conf"
    assert f"{settings.data}/run/nginx" in writable(services()["configuration"])


def test_nothing_runs_with_more_than_it_needs() -> None:
    for name, service in services().items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "cap_add" not in service, name
        assert service.get("privileged") is None, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["user"].split(":")[0] == "10001", name
        assert {"cpus", "memory", "pids"} <= service["deploy"]["resources"]["limits"].keys(), name
        assert name == "bootstrap" or service["logging"]["options"].keys() == {"max-size", "max-file"}, name
        assert all("size=" in one for one in service.get("tmpfs", ())), name
    assert services()["bootstrap"]["logging"] == {"driver": "none"}  # it tells passwords


def test_what_lasts_is_watched_and_started_again_and_what_does_not_runs_once() -> None:
    assert set(lasting()) == set(services()) - ONCE
    for name, service in lasting().items():
        assert service["restart"] == "unless-stopped", name
        check = service["healthcheck"]
        assert check["test"][0] == "CMD", name
        assert {"interval", "timeout", "retries", "start_period"} <= check.keys(), name
        assert "disable" not in check, name
    for name in PROCESSES:
        assert "127.0.0.1:9000/readyz" in services()[name]["healthcheck"]["test"][-1], name
    for service in services().values():
        for other, wanted in service.get("depends_on", {}).items():
            kind = "service_completed_successfully" if other in ONCE else ("service_healthy", "service_started")
            assert wanted["condition"] in kind, other


def test_only_the_founding_and_the_migration_wait_to_be_asked() -> None:
    assert {name for name, one in services().items() if one.get("profiles")} == {"bootstrap", "migrate"}


def test_every_command_exists() -> None:
    roles, asked = {*ROLES, *re.findall(r'"(\w+)"', inspect.getsource(app.main))}, {}
    for name, service in ours().items():
        first, *rest = service["command"]
        assert first == "python"
        asked[name] = tuple(rest)
        if rest[:2] == ["-m", "city.processes"]:
            assert rest[2] in roles, name
            assert rest[2:] == (["gateway"] if name in GATEWAYS else [name])
    assert asked["configuration"] == ("-m", "city.nginx", *sorted(GATEWAYS))
    assert (ROOT / "city/nginx/__main__.py").is_file()
    assert asked["bootstrap"] == ("-m", "commands", "bootstrap", "--data", str(CITY))
    assert "bootstrap" in cli.list_commands(click.Context(cli))


def test_a_planted_service_would_be_seen() -> None:
    """The walk over services is not empty, and anchors were merged."""
    service: Service = services()["gateway-3"]
    assert service["restart"] == "unless-stopped"
    assert len(mounted_secrets(service)) == 8
