"""The data plane as nftables in network namespaces: one for the router, one for each zone, joined by veth pairs.

As root on one Linux machine, for trying and testing: the rules and the packets are real, the zones are small. All
namespaces carry this city's tag in front; nothing else on the machine is touched.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from ipaddress import IPv4Network
from pathlib import Path

from infra import probe
from infra.data_plane import Deviation
from infra.errors import DataPlaneRefused, DataPlaneUnavailable, ZoneUnknown
from infra.live_rules import differences
from infra.nftables import TABLE, RuleModel

_RUN_SECONDS = 20.0
_TEST_SECONDS = 1.0  # longer than a packet takes on one machine, by far
_PACKAGES = {"nft": "nftables", "ip": "iproute2", "unshare": "util-linux", "sysctl": "procps"}
_DIGEST = re.compile(r'^\tcomment "([0-9a-f]{32})"$', re.MULTILINE)
_LISTED_APART = ("unshare", "--net", "sh", "-c", "nft -f - && exec nft -j list ruleset")
_ROUTER = "router"  # after the tag; a zone's namespace has a dot in between


class NamespacePlane:
    """A DataPlane. `tag`: small letters and digits, one city's own on this machine."""

    name = "namespaces"

    def __init__(self, tag: str) -> None:
        self._tag = tag
        self.router = f"{tag}-{_ROUTER}"

    def apply(self, model: RuleModel) -> None:
        """The rules first, then what they are between: no zone is connected to a router without rules."""
        self._check_programs()
        self._found_router()
        self.load(model.text())
        self._connect(model)

    def load(self, text: str) -> None:
        """One rule set as one transaction of the kernel's. Raises DataPlaneRefused, DataPlaneUnavailable."""
        for command in (("nft", "--check", "-f", "-"), ("nft", "-f", "-")):
            done = self._run(self._inside(self.router, *command), text)
            if done.returncode:
                raise DataPlaneRefused(_first_line(done.stderr))

    def digest(self) -> str:
        """As the comment on the live table says."""
        self._check_programs()
        done = self._run(self._inside(self.router, "nft", "-t", "list", "table", "inet", TABLE))
        found = _DIGEST.search(done.stdout)
        return found[1] if found else ""

    def test(self, from_zone: str, to_zone: str, protocol: str, port: int) -> bool:
        """Send packets from one zone to a listener in the other."""
        (passed,) = self.packets(from_zone, to_zone, [(protocol, port)])
        return passed

    def packets(self, from_zone: str, to_zone: str, ports: Sequence[tuple[str, int]]) -> list[bool]:
        """Which of these a new connection reaches. Raises ZoneUnknown, DataPlaneUnavailable."""
        with self.listener(to_zone, ports) as address:
            orders = {"asks": [[address, *one] for one in ports], "seconds": _TEST_SECONDS}
            done = self._run(self._inside(self._of(from_zone), *_probe("ask")), json.dumps(orders) + "\n")
        if done.returncode:
            raise DataPlaneUnavailable("the probe could not send")
        passed: list[bool] = json.loads(done.stdout)
        return passed

    @contextmanager
    def listener(self, zone: str, ports: Sequence[tuple[str, int]]) -> Iterator[str]:
        """Run a program in `zone` that answers on these ports, for the length of the block; yield its address."""
        self._check_programs()
        space = self._of(zone)
        listing = self._run(["ip", "-n", space, "-j", "-4", "address", "show", "dev", "eth0"])
        address = str(json.loads(listing.stdout)[0]["addr_info"][0]["local"])
        command = self._inside(space, *_probe("listen"))
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
            if program.stdin is None or program.stdout is None:
                raise DataPlaneUnavailable("the probe could not be started")
            program.stdin.write(json.dumps({"ports": list(ports)}) + "\n")
            program.stdin.flush()
            if program.stdout.readline() != "ready\n":
                raise DataPlaneUnavailable("the probe could not listen")
            yield address

    def drift(self, model: RuleModel) -> Sequence[Deviation]:
        """The whole live rule set beside the compiled one, loaded into a namespace that is thrown away."""
        self._check_programs()
        live = self._run(self._inside(self.router, "nft", "-j", "list", "ruleset"))
        meant = self._run(_LISTED_APART, model.text())
        if meant.returncode:
            raise DataPlaneUnavailable(_first_line(meant.stderr))
        found = live.stdout if live.returncode == 0 else '{"nftables": []}'
        try:
            return differences(found, meant.stdout)
        except ValueError as wrong:
            raise DataPlaneUnavailable("nft's listing cannot be read") from wrong

    def remove(self) -> None:
        """Take every namespace of this tag away."""
        for name in self._spaces():
            self._must(["ip", "netns", "delete", name])

    def _found_router(self) -> None:
        if self.router not in self._spaces():
            self._must(["ip", "netns", "add", self.router])
            self._must(["ip", "-n", self.router, "link", "set", "lo", "up"])

    def _connect(self, model: RuleModel) -> None:
        """Give each zone that is new its namespace, its end of a cable, and the router its gateway's address."""
        there = set(self._spaces())
        for zone, interface in model.interfaces.items():
            if (space := self._name_of(zone)) in there:
                continue
            network = IPv4Network(model.homes[interface])
            if network.num_addresses < 4:
                raise DataPlaneRefused(f"zone {zone}: a prefix needs room for a router and a machine")
            self._must(["ip", "netns", "add", space])
            try:
                self._wire(space, interface, f"{network[1]}", f"{network[2]}", network.prefixlen)
            except DataPlaneUnavailable:
                self._run(["ip", "netns", "delete", space])  # a zone is connected whole or not at all
                raise
        self._must(self._inside(self.router, "sysctl", "-q", "-w", "net.ipv4.ip_forward=1"))

    def _wire(self, space: str, interface: str, gateway: str, machine: str, bits: int) -> None:
        router = ["ip", "-n", self.router]
        self._must([*router, "link", "add", interface, "type", "veth", "peer", "name", "eth0", "netns", space])
        self._must([*router, "address", "add", f"{gateway}/{bits}", "dev", interface])
        self._must([*router, "link", "set", interface, "up"])
        for device in ("lo", "eth0"):
            self._must(["ip", "-n", space, "link", "set", device, "up"])
        self._must(["ip", "-n", space, "address", "add", f"{machine}/{bits}", "dev", "eth0"])
        self._must(["ip", "-n", space, "route", "add", "default", "via", gateway])

    def _of(self, zone: str) -> str:
        name = self._name_of(zone)
        if name not in self._spaces():
            raise ZoneUnknown
        return name

    def _name_of(self, zone: str) -> str:
        return f"{self._tag}.{zone}"

    def _spaces(self) -> list[str]:
        listed = self._run(["ip", "-j", "netns", "list"]).stdout
        names = [str(one["name"]) for one in json.loads(listed or "[]")]
        return [name for name in names if name == self.router or name.startswith(f"{self._tag}.")]

    @staticmethod
    def _inside(space: str, *command: str) -> list[str]:
        return ["ip", "netns", "exec", space, *command]

    def _must(self, command: Sequence[str]) -> None:
        done = self._run(command)
        if done.returncode:
            raise DataPlaneUnavailable(_first_line(done.stderr))

    @staticmethod
    def _run(command: Sequence[str], text: str = "") -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                command, input=text, capture_output=True, text=True, timeout=_RUN_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as failure:
            raise DataPlaneUnavailable(f"{command[0]} did not run: {type(failure).__name__}") from failure

    @staticmethod
    def _check_programs() -> None:
        missing = [name for name in _PACKAGES if not shutil.which(name)]
        if missing:
            packages = " ".join(_PACKAGES[name] for name in missing)
            raise DataPlaneUnavailable(f"{', '.join(missing)} is missing: apt-get install {packages}")
        if os.geteuid() != 0:
            raise DataPlaneUnavailable("network namespaces need root; the simulated data plane does not")


def _probe(what: str) -> Iterable[str]:
    return (sys.executable, "-I", str(Path(probe.__file__).resolve()), what)


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0][:200]
