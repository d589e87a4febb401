"""The components the production profile stands on come up closed, and with what tests rely on."""

import stat
import subprocess
from pathlib import Path

import psycopg
import pytest
import redis
from redis import Redis

from city.stack import redis as rd
from storage.redis_stores import connect
from tests.stack.parts import USER, Server


def test_postgres_lets_nobody_in_without_the_password(postgres_server: Server) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgres_server.administrator().replace(postgres_server.password, "wrong"))


def test_postgres_loses_no_commit_and_checks_its_pages(postgres_server: Server) -> None:
    with psycopg.connect(postgres_server.administrator()) as connection:
        for setting, value in (("fsync", "on"), ("synchronous_commit", "on"), ("data_checksums", "on")):
            assert connection.execute(f"SHOW {setting}").fetchone() == (value,)


def test_the_citys_user_owns_its_database_and_nothing_else(postgres_url: str) -> None:
    with psycopg.connect(postgres_url.replace("+psycopg", "")) as connection:
        rights = "SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = %s"
        assert connection.execute(rights, [USER]).fetchone() == (False, False, False)
        assert connection.execute("SELECT count(*) FROM person").fetchone() == (0,)


def test_redis_lets_nobody_in_without_the_password(redis_server: Server) -> None:
    for password in ("", "wrong"):
        stranger = connect(rd.address(redis_server.port), password)
        with pytest.raises(redis.AuthenticationError):
            stranger.ping()
        stranger.close()


def test_redis_keeps_nothing_on_disk_and_throws_nothing_out(redis_client: Redis) -> None:
    assert redis_client.config_get("save", "appendonly", "maxmemory-policy") == {
        "save": "", "appendonly": "no", "maxmemory-policy": "noeviction",
    }  # fmt: skip


def test_no_password_stands_in_an_argument_or_a_file_that_others_can_read(
    postgres_server: Server, redis_server: Server
) -> None:
    for server in (postgres_server, redis_server):
        running = subprocess.run(["ps", "axo", "args"], capture_output=True, text=True, check=True, timeout=120).stdout
        assert server.password not in running
        folder = Path(server.process.folder)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        for path in folder.rglob("*"):
            if path.is_file() and server.password.encode() in path.read_bytes():
                assert stat.S_IMODE(path.stat().st_mode) == 0o600
