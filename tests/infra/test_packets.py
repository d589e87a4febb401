"""Real packets between network namespaces: what is open passes, everything else does not, and an open way ends when it is closed."""

import json
import subprocess
import sys
from contextlib import AbstractContextManager
from itertools import permutations, product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra import probe
from infra.errors import ZoneUnknown
from infra.namespaces import NamespacePlane
from infra.nftables import RuleModel
from tests.bounds import line_in_time, run_beside
from tests.infra.city_with_machines import FLOWS, ZONES, compiled, flow

PORTS = [("tcp", 80), ("tcp", 443), ("udp", 53), ("udp", 443)]
NAMES = [zone.id for zone in ZONES]


def passing(plane: NamespacePlane) -> set[tuple[str, str, str, int]]:
    """Every pair of zones × every port, with packets; all pairs of one destination at once."""
    through = set()
    for to in NAMES:
        with plane.listener(to, PORTS) as address:
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


def inside(
    plane: NamespacePlane, zone: str, program: str, *arguments: str
) -> AbstractContextManager[subprocess.Popen[str]]:
    command = ["ip", "netns", "exec", f"{plane._tag}.{zone}", sys.executable, "-I", "-c", program, *arguments]
    return run_beside(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


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
                assert line_in_time(hearing) == "ready\n"
                with inside(plane, "internet", _FORGES, *sent) as forging:
                    assert forging.wait(20) == 0
                heard = [line_in_time(hearing).strip() for _ in expected]
            finally:
                hearing.kill()
        assert heard == expected  # nothing was lost on the way: what was sent last arrived


_HEARS_6 = """
import socket
one = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
one.bind(("::", 53))
one.settimeout(2)
print("ready", flush=True)
try:
    print(one.recvfrom(64)[1][0], flush=True)
except TimeoutError:
    print("nothing", flush=True)
"""
_SENDS_6 = """
import socket, sys, time
one = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
for _ in range(5):
    one.sendto(b"?", (sys.argv[1], 53))
    time.sleep(0.2)
"""


def speaks_ipv6(plane: NamespacePlane, zone: str, number: int) -> None:
    """Addresses and neighbours by hand on both ends of the zone's cable, and a router that forwards."""
    space, interface = f"{plane._tag}.{zone}", f"zn-{zone}"
    router, prefix = plane.router, f"fd77:{number}::"

    def run(*command: str) -> str:
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=20).stdout

    ends = ((router, interface, "1", "2"), (space, "eth0", "2", "1"))
    mac = {
        one: json.loads(run("ip", "-n", one, "-j", "link", "show", "dev", dev))[0]["address"] for one, dev, *_ in ends
    }
    for here, device, own, other in ends:
        beyond = space if here == router else router
        run("ip", "-n", here, "-6", "address", "replace", f"{prefix}{own}/64", "dev", device, "nodad")
        run("ip", "-n", here, "-6", "neighbour", "replace", f"{prefix}{other}", "lladdr", mac[beyond], "dev", device)
    run("ip", "-n", space, "-6", "route", "replace", "default", "via", f"{prefix}1")
    run("ip", "netns", "exec", router, "sysctl", "-q", "-w", "net.ipv6.conf.all.forwarding=1")


def test_nothing_passes_over_ipv6_not_even_by_an_open_flow(plane: NamespacePlane) -> None:
    """By the rules, and nothing else: without them it does, and drift says so."""
    model = compiled(FLOWS)
    plane.apply(model)
    for number, zone in enumerate(NAMES):
        speaks_ipv6(plane, zone, number)
    for by_hand, heard in (("", "nothing"), ("insert rule inet citygate forward meta nfproto ipv6 accept", "fd77::2")):
        if by_hand:
            subprocess.run(["ip", "netns", "exec", plane.router, "nft", by_hand], check=True, timeout=20)
        assert bool(plane.drift(model)) == bool(by_hand)
        with inside(plane, "extranet", _HEARS_6) as hearing:
            try:
                assert line_in_time(hearing) == "ready\n"
                with inside(plane, "internet", _SENDS_6, "fd77:1::2") as sending:
                    assert line_in_time(hearing).strip() == heard
                    assert sending.wait(20) == 0
            finally:
                hearing.kill()


def test_the_model_knows_a_forged_address_too() -> None:
    model = compiled(FLOWS)
    assert model.allows("core", "extranet", "tcp", 443, source="10.77.2.9") == "01A"
    assert model.allows("core", "extranet", "tcp", 443, source="10.77.0.9") == ""


def test_no_zone_reaches_the_router_itself(plane: NamespacePlane) -> None:
    plane.apply(compiled(FLOWS))
    with run_beside(
        ["ip", "netns", "exec", plane.router, sys.executable, "-I", probe.__file__, "listen"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as listener:  # fmt: skip
        listener.stdin.write('{"ports": [["tcp", 443]]}\n')
        listener.stdin.flush()
        assert line_in_time(listener) == "ready\n"
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
            assert line_in_time(server) == "ready\n"
            with inside(plane, "core", _TALK, "10.77.1.2") as client:
                try:
                    assert line_in_time(client) == "connected\n"
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
    return line_in_time(client).strip()


def test_a_zone_nobody_connected_is_unknown(plane: NamespacePlane) -> None:
    plane.apply(compiled([]))
    with pytest.raises(ZoneUnknown):
        plane.test("core", "elsewhere", "tcp", 443)
