"""Real packets between network namespaces: what is open passes, everything else does not, whatever else happens."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import permutations, product
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra import probe
from infra.errors import DataPlaneRefused, DataPlaneUnavailable, ZoneUnknown
from infra.namespaces import NamespacePlane
from infra.nftables import RuleModel, compile_rules
from infra.zone import Flow
from tests.idp.people import NOW
from tests.infra.ground import ZONES, flow
from tests.needs import need

PORTS = [("tcp", 80), ("tcp", 443), ("udp", 53), ("udp", 443)]
NAMES = [zone.id for zone in ZONES]


def compiled(flows: list[Flow]) -> RuleModel:
    return compile_rules(ZONES, flows, at=NOW)


def passing(plane: NamespacePlane) -> set[tuple[str, str, str, int]]:
    """Every pair of zones × every port, with packets; all pairs of one destination at once."""
    through = set()
    for to in NAMES:
        with plane.listening(to, PORTS) as address:
            asking = {}
            for origin in NAMES:
                if origin != to:
                    command = [
                        "ip",
                        "netns",
                        "exec",
                        f"{plane._tag}.{origin}",
                        sys.executable,
                        "-I",
                        probe.__file__,
                        "ask",
                    ]
                    asking[origin] = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                    orders = {"asks": [[address, *one] for one in PORTS], "seconds": 1.0}
                    asking[origin].stdin.write(json.dumps(orders) + "\n")
                    asking[origin].stdin.flush()
            for origin, process in asking.items():
                told = json.loads(process.communicate(timeout=20)[0])
                through |= {(origin, to, *port) for port, passed in zip(PORTS, told, strict=True) if passed}
    return through


def allowed(model: RuleModel) -> set[tuple[str, str, str, int]]:
    return {(a, b, *port) for (a, b), port in product(permutations(NAMES, 2), PORTS) if model.allows(a, b, *port)}


@pytest.fixture(scope="module")
def plane() -> Iterator[NamespacePlane]:
    """One set of namespaces for the questions that leave nothing behind."""
    need("nft", "ip", "unshare", "sysctl", root=True)
    made = NamespacePlane(f"cgpack{os.getpid()}")
    try:
        yield made
    finally:
        made.remove()


FLOWS = [
    flow("core", "extranet", identifier="01A"),
    flow("internet", "extranet", 80, identifier="01B"),
    flow("internet", "extranet", 53, "udp", identifier="01C"),
    flow("extranet", "core", 443, "udp", identifier="01D"),
]


def test_for_every_pair_and_port_what_is_open_passes_and_nothing_else(plane: NamespacePlane) -> None:
    for flows in (FLOWS, FLOWS[:1], []):
        plane.apply(compiled(flows))
        told = {(one.from_zone, one.to_zone, one.protocol, one.port) for one in flows}
        assert passing(plane) == told == allowed(compiled(flows))


some_flows = st.lists(
    st.tuples(st.sampled_from(list(permutations(NAMES, 2))), st.sampled_from(PORTS), st.sampled_from([-1, 1])),
    max_size=9,
)


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(some_flows)
def test_for_any_flows_packets_the_model_and_the_rows_agree(
    plane: NamespacePlane, asked: list[tuple[tuple[str, str], tuple[str, int], int]]
) -> None:
    flows = [
        flow(*ends, port, protocol, identifier=f"01{number}", days=days)
        for number, (ends, (protocol, port), days) in enumerate(asked)
    ]
    plane.apply(compiled(flows))
    oracle = {(*ends, *port) for ends, port, days in asked if days > 0}
    assert passing(plane) == oracle == allowed(compiled(flows))


_HEARS = """
import socket
one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
one.bind(("", 53))
print("ready", flush=True)
while True:
    data, peer = one.recvfrom(64)
    print(data.decode(), peer[0], flush=True)
"""
_FORGES = """
import socket, sys
for source, word in zip(sys.argv[1::2], sys.argv[2::2]):
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.setsockopt(socket.SOL_IP, 19, 1)  # IP_TRANSPARENT: an address that is not ours
    one.bind((source, 0))
    one.sendto(word.encode(), ("10.77.1.2", 53))
"""


def inside(plane: NamespacePlane, zone: str, program: str, *arguments: str) -> subprocess.Popen[str]:
    command = ["ip", "netns", "exec", f"{plane._tag}.{zone}", sys.executable, "-I", "-c", program, *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_who_forges_an_address_of_another_zone_is_not_heard(plane: NamespacePlane) -> None:
    """By the rules, and nothing else: without them it is."""
    sent = ("10.77.0.2", "own", "10.77.2.2", "forged", "192.0.2.1", "forged", "10.77.0.9", "last")
    own, every = ["own 10.77.0.2", "last 10.77.0.9"], ["own 10.77.0.2", "forged 10.77.2.2", "forged 192.0.2.1"]
    for by_hand, expected in (("", own), ("insert rule inet citygate forward iifname zn-internet accept", every)):
        plane.apply(compiled(FLOWS))
        if by_hand:
            subprocess.run(["ip", "netns", "exec", plane.router, "nft", by_hand], check=True, timeout=20)
        with inside(plane, "extranet", _HEARS) as hearing:
            try:
                assert hearing.stdout.readline() == "ready\n"
                with inside(plane, "internet", _FORGES, *sent) as forging:
                    assert forging.wait(20) == 0
                heard = [hearing.stdout.readline().strip() for _ in expected]
            finally:
                hearing.kill()
        assert heard == expected  # nothing was lost on the way: what was sent last arrived


def test_the_model_knows_a_forged_address_too() -> None:
    model = compiled(FLOWS)
    assert model.allows("core", "extranet", "tcp", 443, source="10.77.2.9") == "01A"
    assert model.allows("core", "extranet", "tcp", 443, source="10.77.0.9") == ""


def test_no_zone_reaches_the_router_itself(plane: NamespacePlane) -> None:
    plane.apply(compiled(FLOWS))
    with subprocess.Popen(
        ["ip", "netns", "exec", plane.router, sys.executable, "-I", probe.__file__, "listen"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as listener:  # fmt: skip
        listener.stdin.write('{"ports": [["tcp", 443]]}\n')
        listener.stdin.flush()
        assert listener.stdout.readline() == "ready\n"
        for gateway in ("10.77.2.1", "10.77.1.1"):  # its own, and the one beyond an open flow
            orders = json.dumps({"asks": [[gateway, "tcp", 443]], "seconds": 1.0}) + "\n"
            command = ["ip", "netns", "exec", f"{plane._tag}.core", sys.executable, "-I", probe.__file__, "ask"]
            told = subprocess.run(command, input=orders, capture_output=True, text=True, check=True, timeout=20).stdout
            assert json.loads(told) == [False]


_TALK = """
import socket, sys
one = socket.create_connection((sys.argv[1], 443), 5)
one.settimeout(2)
print("connected", flush=True)
for line in sys.stdin:
    one.send(b"?")
    try:
        print("answered" if one.recv(9) else "ended", flush=True)
    except OSError:
        print("silence", flush=True)
"""
_ECHO = """
import socket
one = socket.create_server(("", 443))
print("ready", flush=True)
while True:
    peer = one.accept()[0]
    while data := peer.recv(9):
        peer.send(data)
"""


def test_closing_a_flow_ends_the_connections_that_run_over_it(plane: NamespacePlane) -> None:
    plane.apply(compiled(FLOWS))
    with inside(plane, "extranet", _ECHO) as server:
        try:
            assert server.stdout.readline() == "ready\n"
            with inside(plane, "core", _TALK, "10.77.1.2") as client:
                try:
                    assert client.stdout.readline() == "connected\n"
                    assert says(client) == "answered"
                    plane.apply(compiled(FLOWS[1:]))
                    assert says(client) == "silence"
                    plane.apply(compiled(FLOWS))
                    assert says(client) == "answered"
                finally:
                    client.kill()
        finally:
            server.kill()


def says(client: subprocess.Popen[str]) -> str:
    client.stdin.write("go\n")
    client.stdin.flush()
    return client.stdout.readline().strip()


def test_what_was_opened_or_closed_by_hand_is_named(plane: NamespacePlane) -> None:
    def by_hand(command: str) -> None:
        subprocess.run(["ip", "netns", "exec", plane.router, "nft", command], check=True, timeout=20)

    model = compiled(FLOWS)
    plane.apply(model)
    assert list(plane.drift(model)) == []
    by_hand("insert rule inet citygate forward tcp dport 80 accept")
    by_hand('add element inet citygate flows { "zn-core" . "zn-internet" . tcp . 22 : accept }')
    by_hand('delete element inet citygate flows { "zn-core" . "zn-extranet" . tcp . 443 }')
    by_hand("add table ip other")
    found = plane.drift(model)
    assert {(one.where.split(" ")[-1], bool(one.found)) for one in found} == {
        ("rules", True), ("flows", True), ("flows", False), ("itself", True),
    }  # fmt: skip
    assert any(one.found == "zn-core . zn-internet . tcp . 22 : accept" for one in found)
    assert plane.test("core", "internet", "tcp", 22)  # the packets' own answer
    by_hand("delete table ip other")
    plane.apply(model)
    assert list(plane.drift(model)) == []
    assert not plane.test("core", "internet", "tcp", 22)


def test_a_router_that_lost_its_rules_is_named_and_has_no_digest(namespaces: NamespacePlane) -> None:
    model = compiled(FLOWS)
    assert namespaces.digest() == ""
    namespaces.apply(model)
    assert namespaces.digest() == model.digest()
    subprocess.run(["ip", "netns", "exec", namespaces.router, "nft", "flush", "ruleset"], check=True, timeout=20)
    assert namespaces.digest() == ""
    assert {bool(one.wanted) for one in namespaces.drift(model)} == {True}


def test_rules_that_are_refused_half_way_leave_the_old_ones_in_force(plane: NamespacePlane) -> None:
    model = compiled(FLOWS)
    plane.apply(model)
    lines = compiled([]).text().splitlines(keepends=True)
    for line in ("\t\tnonsense\n", "\t\tiifname @nowhere accept\n", "\t\tiifname . oifname vmap @homes\n"):
        broken = "".join([*lines[:-6], line, *lines[-6:]])
        with pytest.raises(DataPlaneRefused):
            plane.load(broken)
        assert plane.digest() == model.digest()
        assert list(plane.drift(model)) == []
    assert plane.packets("core", "extranet", [("tcp", 443)]) == [True]


def test_rules_the_check_lets_through_and_the_kernel_refuses_leave_the_old_ones_in_force(plane: NamespacePlane) -> None:
    """`--check` sees no table that goes away in between; the transaction does."""
    model = compiled(FLOWS)
    plane.apply(model)
    late = compiled([]).text() + 'delete element inet citygate interfaces { "zn-nowhere" }\n'
    with pytest.raises(DataPlaneRefused):
        plane.load(late)
    assert plane.digest() == model.digest()
    assert plane.packets("core", "extranet", [("tcp", 443)]) == [True]


def test_an_apply_that_is_killed_leaves_the_old_rules_or_the_new_ones_whole(plane: NamespacePlane) -> None:
    old = compiled(FLOWS)
    many = [flow("core", "extranet", port, identifier=f"01N{port}") for port in range(1, 4001)]
    new = compiled(many)
    plane.apply(old)
    seen = set()
    for wait in (0.0, 0.01, 0.03, 0.05, 0.08, 0.12, 0.2, 0.4):
        process = subprocess.Popen(
            ["ip", "netns", "exec", plane.router, "nft", "-f", "-"], stdin=subprocess.PIPE, text=True
        )
        writer = process.stdin
        writer.write(new.text())
        writer.close()
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.wait(20)
        digest = plane.digest()
        assert digest in (old.digest(), new.digest())
        seen.add(digest)
        assert list(plane.drift(old if digest == old.digest() else new)) == []
        plane.apply(old)
    assert old.digest() in seen


def test_a_zone_nobody_connected_is_unknown(plane: NamespacePlane) -> None:
    plane.apply(compiled([]))
    with pytest.raises(ZoneUnknown):
        plane.test("core", "elsewhere", "tcp", 443)


def test_what_is_missing_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(DataPlaneUnavailable, match="apt-get install nftables"):
        NamespacePlane("cgnone").digest()


@pytest.mark.parametrize("what", ["apply", "test", "drift", "digest"])
def test_without_root_it_is_said_that_it_takes_root(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    need("nft", "ip", "unshare", "sysctl")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    plane, model = NamespacePlane("cgnone"), compiled([])
    asked: dict[str, Callable[[], object]] = {
        "apply": lambda: plane.apply(model), "drift": lambda: plane.drift(model), "digest": plane.digest,
        "test": lambda: plane.test("core", "extranet", "tcp", 443),
    }  # fmt: skip
    with pytest.raises(DataPlaneUnavailable, match="need root"):
        asked[what]()


def test_nothing_is_left_of_the_namespaces(namespaces: NamespacePlane) -> None:
    namespaces.apply(compiled([]))
    namespaces.remove()
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    assert namespaces._tag not in listed
    assert Path("/sys/class/net/zn-core").exists() is False
