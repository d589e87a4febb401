"""What the composed containers run is what the tests start: versions, options, and the few files they are given."""

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psycopg
import pytest
from redis import Redis
from redis.exceptions import AuthenticationError, ResponseError

from city.stack import keycloak, postgres, redis
from city.supervisor import BARE, Process, Supervisor, free_ports
from tests.deploy.composed import ROOT, mounted_secrets, services
from tests.needs import need
from tests.stack.parts import Server, postgres_running

DOCKERFILE = (ROOT / "Dockerfile").read_text()
IMAGES = {one["image"] for one in services().values()}
BASES = set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE))


def version(image: str) -> str:
    """`image`'s tag, without what the system below it is called."""
    [tag] = [one.partition(":")[2] for one in IMAGES | BASES if one.partition(":")[0].endswith(image)]
    return tag.partition("-")[0]


def test_every_image_has_a_version_to_the_last_number() -> None:
    for image in IMAGES | BASES:
        assert re.fullmatch(r"[a-z./-]+:\d+\.\d+\.\d+(-[a-z-]+)?|postgres:\d+\.\d+-[a-z]+", image), image
    assert not BASES & IMAGES  # what is built here is not also pulled


def test_images_are_of_the_versions_that_the_tests_start() -> None:
    need("redis-server", "nginx")
    assert version("keycloak/keycloak") == version("citygate-keycloak") == keycloak.VERSION
    assert version("python").startswith(f"{sys.version_info.major}.{sys.version_info.minor}.")
    assert version("postgres").split(".")[0] == postgres._PROGRAMS[-1].parent.name
    installed = subprocess.run(
        ["redis-server", "--version"], capture_output=True, text=True, check=True, timeout=120
    ).stdout
    assert f"v={version('redis').split('.')[0]}." in installed
    for number in (version("postgres"), keycloak.VERSION):  # the file says which were tested
        assert number in (ROOT / "docker-compose.yml").read_text().partition("name: citygate")[0]


def test_the_image_holds_the_program_and_nothing_else() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"loadtests"}
    copied = set(re.findall(r"^COPY (?!--)(\S+) \./", DOCKERFILE, re.MULTILINE))
    assert copied == packages
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert ignored[1] == "*"
    assert {line[1:] for line in ignored if line.startswith("!")} == copied | {"requirements.lock"}


def test_the_image_is_made_of_checked_files_and_runs_as_nobody_special() -> None:
    [install] = re.findall(r"pip install (.*?) \\$", DOCKERFILE, re.MULTILINE)
    assert {"--require-hashes", "--only-binary"} <= set(install.split())
    assert install.endswith("-r /tmp/requirements.lock")
    city = DOCKERFILE.partition(" AS city")[2].partition("\nFROM ")[0]
    assert city.rstrip().endswith("USER 10001:10001")
    for name in ("psycopg", "redis", "python-keycloak"):
        assert f"\n{name}==" in "\n" + (ROOT / "requirements.lock").read_text()
    for name in ("city", "keycloak"):
        assert {one["build"]["target"] for one in services().values() if "build" in one} == {"city", "keycloak"}
        assert f" AS {name}\n" in DOCKERFILE


def test_keycloak_is_built_and_named_as_the_stack_does_it() -> None:
    [disabled] = re.findall(r"--features-disabled=(\S+)", DOCKERFILE)
    assert tuple(disabled.split(",")) == keycloak.DISABLED
    stated = services()["keycloak"]["environment"]
    assert stated["KC_BOOTSTRAP_ADMIN_CLIENT_ID"] == keycloak.ACCOUNT
    assert (stated["KC_CACHE"], stated["KC_HOSTNAME_BACKCHANNEL_DYNAMIC"]) == ("local", "true")
    assert stated["KC_CONFIG_FILE"] == mounted_secrets(services()["keycloak"])["keycloak.conf"]
    assert not [name for name in stated if name.startswith(("KC_PROXY", "KC_BOOTSTRAP_ADMIN_USER"))]


def test_postgresql_is_told_what_the_stack_tells_it() -> None:
    command = services()["postgres"]["command"]
    told = dict(option.split("=") for flag, option in zip(command[1::2], command[2::2], strict=True) if flag == "-c")
    here = {"listen_addresses", "unix_socket_directories"}  # a container's own network
    assert told == {name: value for name, value in postgres._SETTINGS.items() if name not in here}
    assert "--auth=scram-sha-256" in services()["postgres"]["environment"]["POSTGRES_INITDB_ARGS"].split()


def _options(text: str) -> dict[str, str]:
    lines = [line.partition(" ") for line in text.splitlines() if line and not line.startswith("#")]
    return {name: value for name, _, value in lines}


def test_redis_is_told_what_the_stack_tells_it() -> None:
    told = _options((ROOT / "deploy/compose/redis.conf").read_text())
    stack = _options(redis._CONFIGURATION.format(port=6379, password="p", folder="/run/redis", megabytes=256))
    assert told == {name: value for name, value in stack.items() if name not in ("bind", "requirepass")}


@pytest.fixture
def secret_files(tmp_path: Path) -> Path:
    for name in ("database-password", "keycloak-database-password", "redis-password"):
        (tmp_path / name).write_text(f"{name.replace('-', '')}1\n")
    return tmp_path


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres_running() as running:
        yield running


def test_each_database_opens_for_its_own_account_alone(server: Server, secret_files: Path) -> None:
    sql = secret_files / "roles.sql"
    sql.write_text((ROOT / "deploy/compose/roles.sql").read_text().replace("/run/secrets", str(secret_files)))
    command = ["psql", "--no-psqlrc", "--quiet", "-v", "ON_ERROR_STOP=1", "-f", str(sql), server.administrator()]
    subprocess.run(command, env=BARE, check=True, capture_output=True, timeout=120)

    def opened(user: str, password: str, database: str) -> str:
        where = postgres.address(server.port, password=password, user=user, database=database)
        with psycopg.connect(where, connect_timeout=5) as connection:
            connection.execute("CREATE TABLE mine (id int)")
            connection.rollback()
            found = connection.execute(
                "SELECT rolsuper OR rolcreatedb OR rolcreaterole FROM pg_roles WHERE rolname = current_user"
            )
            return str(found.fetchone())

    passwords = {"citygate": "databasepassword1", "keycloak": "keycloakdatabasepassword1"}
    for user, password in passwords.items():
        assert opened(user, password, user) == "(False,)"
        for database in {*passwords, "postgres"} - {user}:
            with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
                opened(user, password, database)
        with pytest.raises(psycopg.OperationalError, match="authentication failed"):
            opened(user, "another", user)


def test_redis_begins_as_composed_behind_its_password(secret_files: Path) -> None:
    need("redis-server")
    run, (port,) = secret_files / "run", free_ports(1)
    run.mkdir()
    conf = secret_files / "redis.conf"
    text = (ROOT / "deploy/compose/redis.conf").read_text().replace("port 6379", f"port {port}")
    conf.write_text(text.replace("/run/redis", str(run)))
    shell, flags = services()["redis"]["entrypoint"]
    [script] = services()["redis"]["command"]
    script = script.replace("/etc/citygate/redis.conf", str(conf)).replace("/run/redis", str(run))
    script = script.replace("/run/secrets", str(secret_files))

    process = Process(
        name="redis", command=[shell, flags, script], environment=BARE, folder=run, ready=partial(redis._answers, port)
    )
    supervisor = Supervisor(logs=secret_files)
    try:
        supervisor.start([process], within_seconds=15)
        with Redis(port=port) as nobody, pytest.raises((AuthenticationError, ResponseError)):
            nobody.get("x")
        with Redis(port=port, password="redispassword1") as client:
            assert client.config_get("save", "appendonly", "maxmemory-policy") == {
                "save": "", "appendonly": "no", "maxmemory-policy": "noeviction",
            }  # fmt: skip
        assert oct((run / "redis.conf").stat().st_mode)[-3:] == "600"
        [check] = [services()["redis"]["healthcheck"]["test"][1:]]
        asked = [
            part.replace("/run/secrets", str(secret_files)).replace("redis-cli", f"redis-cli -p {port}")
            for part in check
        ]
        assert subprocess.run(asked, env=BARE, check=False, capture_output=True, timeout=120).returncode == 0
        (secret_files / "redis-password").write_text("another")
        assert subprocess.run(asked, env=BARE, check=False, capture_output=True, timeout=120).returncode != 0
    finally:
        supervisor.stop()
