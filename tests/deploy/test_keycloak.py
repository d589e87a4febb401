"""Keycloak as a process: it is ours alone, on loopback alone, and gone when it is told to go."""

import os
import signal
import time
from pathlib import Path

import pytest

from city.issuer_administration import ACCOUNT
from city.stack.keycloak import keycloak, prepare
from city.supervisor import Process, Supervisor, free_ports
from idp.errors import IssuerAdministrationUnavailable
from idp.keycloak.admin import MAKING_SECONDS, Admin
from tests.needs import need
from tests.stack.keycloak import ADMIN_SECRET, CACHE, LiveKeycloak

READY_SECONDS, STOPPED_SECONDS = 120, 8


def listening_addresses(pid: int) -> set[str]:
    """Local addresses (hex, as the kernel prints them) on which a process listens."""
    inodes = {os.readlink(one)[8:-1] for one in Path(f"/proc/{pid}/fd").iterdir() if "socket:" in os.readlink(one)}
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            columns = line.split()
            if columns[3] == "0A" and columns[9] in inodes:
                found.add(columns[1])
    return found


def admin_at(port: int, secret: str) -> Admin:
    return Admin(
        f"http://127.0.0.1:{port}",
        account_realm="master",
        client_id=ACCOUNT,
        client_secret=secret,
        timeout_seconds=MAKING_SECONDS,
    )


def test_it_listens_on_loopback_only(live_keycloak: LiveKeycloak) -> None:
    addresses = [one.split(":") for one in listening_addresses(live_keycloak.supervisor.pids()["keycloak"])]
    assert live_keycloak.port in [int(port, 16) for _, port in addresses]
    # 127.0.0.1, also where the socket is IPv6
    assert {host for host, _ in addresses} <= {"0100007F", "0000000000000000FFFF00000100007F"}


def test_no_secret_stands_in_its_command_line(live_keycloak: LiveKeycloak) -> None:
    pid = live_keycloak.supervisor.pids()["keycloak"]
    assert ADMIN_SECRET not in Path(f"/proc/{pid}/cmdline").read_text()


def test_the_template_is_made_once_and_holds_no_database() -> None:
    need("java", "mvn")
    template = prepare(CACHE)
    made = template.stat().st_mtime_ns
    assert prepare(CACHE) == template
    assert template.stat().st_mtime_ns == made
    assert not (template / "data").exists()


def test_it_survives_a_kill_keeps_its_first_secret_and_leaves_nothing_running(tmp_path: Path) -> None:
    need("java", "mvn")

    def process(port: int, secret: str) -> Process:
        return keycloak(
            tmp_path / "keycloak", template=prepare(CACHE), port=port, public_port=8000, domain="localhost",
            admin_secret=secret, hosts=[],
        )  # fmt: skip

    supervisor = Supervisor(logs=tmp_path)
    ports = free_ports(2)
    try:
        supervisor.start([process(ports[0], "first-secret")], within_seconds=READY_SECONDS)
        admin_at(ports[0], "first-secret").post("", {"realm": "kept", "enabled": False})
        time.sleep(2)  # its own file database writes behind; where that matters, PostgreSQL keeps the data
        os.kill(supervisor.pids()["keycloak"], signal.SIGKILL)
        supervisor.start([process(ports[1], "second-secret")], within_seconds=READY_SECONDS)
        assert admin_at(ports[1], "first-secret").get("kept")["realm"] == "kept"
        with pytest.raises(IssuerAdministrationUnavailable):
            admin_at(ports[1], "second-secret").get("kept")
    finally:
        pids = [one.running.pid for one in supervisor.processes if one.running]
        begun = time.monotonic()
        supervisor.stop()
    assert time.monotonic() - begun < STOPPED_SECONDS
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []
