"""`bench infra`: compile and apply 500 zones and 5 000 flows; what one packet costs behind 50 and behind 5 000 of them.

Packets are real, through a router in a network namespace, and forbidden: they meet every rule and are answered by
none. Beside our rules the same flows as a list of rules, one each, which is how they would be written by hand.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from infra.errors import DataPlaneUnavailable
from infra.namespaces import NamespacePlane
from infra.nftables import RuleModel, compile_rules
from infra.zone import Flow, Zone
from loadtests.meter import CannotMeasure

ZONES, FEW, MANY = 500, 50, 5000
_PACKETS, _ROUNDS = 20_000, 5
_SEND = """
import socket, sys, time
one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
one.connect((sys.argv[1], 9))
begun = time.perf_counter()
for _ in range(int(sys.argv[2])):
    one.send(b"x")
print(time.perf_counter() - begun)
"""


def zones(count: int) -> list[Zone]:
    """So many, each a /24 of its own."""
    return [
        Zone(
            id=f"z{n}", name_zh="", name_en="", network="core", prefix=f"10.{n // 256}.{n % 256}.0/24",
            interface=f"zn-{n}", ceiling=2,
        )
        for n in range(count)
    ]  # fmt: skip


def flows(count: int, at: datetime) -> list[Flow]:
    """Spread over the zones; none of them is what the bench sends."""
    return [
        Flow(
            id=f"01B{n}", from_zone=f"z{n % ZONES}", to_zone=f"z{(n + 1 + n // ZONES) % ZONES}", protocol="tcp",
            port=1000 + n, owner="city", expires_at=at + timedelta(days=1),
        )
        for n in range(count)
    ]  # fmt: skip


def one_by_one(model: RuleModel) -> str:
    """The baseline: the same flows, a rule for each."""
    head, _, tail = model.text().partition("\t\tct direction original")
    rules = "".join(
        f'\t\tiifname "{p.incoming}" oifname "{p.outgoing}" {p.protocol} dport {p.port} accept\n'
        for p in model.passages
    )
    return head + rules + tail.partition("\n")[2]


def measure() -> dict[str, object]:
    """Everything, on namespaces of this run's own. Raises CannotMeasure, DataPlaneUnavailable."""
    at, plane = datetime.now(UTC), NamespacePlane("cgbench")
    all_zones, told = zones(ZONES), dict[str, object]()
    few, many = (compile_rules(all_zones, flows(count, at), at=at) for count in (FEW, MANY))
    try:
        plane.apply(compile_rules(all_zones[:2], [], at=at))
        told["compile_seconds"] = _seconds(lambda: compile_rules(all_zones, flows(MANY, at), at=at).text())
        told["apply_seconds"] = _seconds(lambda: plane.load(many.text()))
        told["together_seconds"] = round(float(str(told["compile_seconds"])) + float(str(told["apply_seconds"])), 3)
        told["digest_right"] = plane.digest() == many.digest()
        for name, text in (("map", RuleModel.text), ("list", one_by_one)):
            told[name] = {str(count): _packet(plane, text(model)) for count, model in ((FEW, few), (MANY, many))}
    finally:
        plane.remove()
    for name in ("map", "list"):
        costs = told[name]
        if isinstance(costs, dict):
            told[f"{name}_ratio"] = round(costs[str(MANY)] / costs[str(FEW)], 2)
    return told | {"zones": ZONES, "flows": MANY, "packets": _PACKETS * _ROUNDS}


def _seconds(act: Callable[[], object]) -> float:
    """The median of five, each whole."""
    spent = []
    for _ in range(_ROUNDS):
        begun = time.perf_counter()
        act()
        spent.append(time.perf_counter() - begun)
    return round(statistics.median(spent), 3)


def _packet(plane: NamespacePlane, rules: str) -> float:
    """Microseconds for one packet from one zone to another and its drop, sending included; the best of five rounds."""
    plane.load(rules)
    command = ["ip", "netns", "exec", "cgbench.z0", sys.executable, "-I", "-c", _SEND, "10.0.1.2", str(_PACKETS)]
    best = min(_sent(command) for _ in range(_ROUNDS))
    return round(best / _PACKETS * 1e6, 2)


def _sent(command: list[str]) -> float:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        raise CannotMeasure(f"no packets were sent: {done.stderr.strip()[-200:]}")
    return float(done.stdout)


def main(as_json: bool) -> int:
    """Print what was measured; 1 if what is in force is not what was compiled."""
    try:
        told = measure()
    except DataPlaneUnavailable as missing:
        raise CannotMeasure(str(missing)) from missing
    print(json.dumps(told) if as_json else "\n".join(f"{name:18} {value}" for name, value in told.items()))
    return 0 if told["digest_right"] else 1
