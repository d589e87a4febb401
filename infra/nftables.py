"""Zones and flows → the rule model, and its text for nft; pure.

A packet is looked up in one hash map of all flows, so 5 000 flows cost it what 50 do. There is no short cut for
connections that are established: each packet needs its flow (an answer, the flow of what it answers), so closing a
flow ends what runs over it. Zones have IPv4 prefixes alone, so whatever else comes between them is dropped first.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from ipaddress import IPv4Address, IPv4Network
from itertools import pairwise
from types import MappingProxyType
from typing import NamedTuple

from infra.zone import Flow, Zone, live_flows

TABLE = "citygate"
_CHAINS = """\
	chain forward {
		type filter hook forward priority filter; policy drop;
		meta nfproto != ipv4 drop
		ct state invalid drop
		iifname . ip saddr != @homes drop
		ct direction reply ct state established oifname . iifname . meta l4proto . th sport vmap @flows
		ct direction original iifname . oifname . meta l4proto . th dport vmap @flows
		ct state related meta l4proto icmp accept
	}
	chain input {
		type filter hook input priority filter; policy accept;
		iifname @interfaces drop
	}
"""


class Passage(NamedTuple):
    """What tells a connection's flow: the interface it comes in by, the one it goes out by, protocol and port."""

    incoming: str
    outgoing: str
    protocol: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleModel:
    """What zones and flows are compiled to: which addresses each interface has, and which flow opens which passage."""

    homes: Mapping[str, str]  # interface → prefix
    passages: Mapping[Passage, str]  # → flow
    interfaces: Mapping[str, str]  # zone → interface

    def allows(self, from_zone: str, to_zone: str, protocol: str, port: int, *, source: str = "") -> str:
        """Return the id of the flow that lets a new connection through, or "" if none does: what the text's rules would
        say, in process.

        `source` is the address it is sent from; "" stands for one of the zone's own.
        """
        incoming, outgoing = self.interfaces.get(from_zone, ""), self.interfaces.get(to_zone, "")
        if source and incoming and IPv4Address(source) not in IPv4Network(self.homes[incoming]):
            return ""
        return self.passages.get(Passage(incoming, outgoing, protocol, port), "")

    def text(self) -> str:
        """Return what `nft -f` takes: the whole table, replaced in one transaction.
        It ends with its own digest as a comment.
        """
        return self._text(self.digest())

    def digest(self) -> str:
        """Return the digest of the rules, by which one sees from outside which rules are in force."""
        return sha256(self._text("").encode()).hexdigest()[:32]

    def _text(self, digest: str) -> str:
        homes = [f'"{name}" . {prefix}' for name, prefix in sorted(self.homes.items())]
        names = [f'"{name}"' for name in sorted(self.homes)]
        open_ = [
            f'"{p.incoming}" . "{p.outgoing}" . {p.protocol} . {p.port} comment "{flow}" : accept'
            for p, flow in sorted(self.passages.items())
        ]
        key = "ifname . ifname . inet_proto . inet_service : verdict"
        lines = [
            f"table inet {TABLE}",
            f"delete table inet {TABLE}",
            f"table inet {TABLE} {{",
            f'\tcomment "{digest}"',
            *_block("set homes", "type ifname . ipv4_addr; flags interval", homes),
            *_block("set interfaces", "type ifname", names),
            *_block("map flows", f"type {key}", open_),
        ]
        return "\n".join(lines) + "\n" + _CHAINS + "}\n"


def compile_rules(zones: Iterable[Zone], flows: Iterable[Flow], *, at: datetime) -> RuleModel:
    """Return the rules for these zones and flows. Flows that have run out at the moment `at` are left out.

    Raises ValueError for two zones that share an interface or addresses, and for a flow of a zone that is not there.
    """
    known = {zone.id: zone for zone in zones}
    _check_apart(known.values())
    passages = {}
    for one in live_flows(flows, at):
        if one.from_zone not in known or one.to_zone not in known:
            raise ValueError(f"flow {one.id}: no such zone")
        ends = known[one.from_zone].interface, known[one.to_zone].interface
        passages[Passage(*ends, one.protocol, one.port)] = one.id
    return RuleModel(
        homes=MappingProxyType({zone.interface: zone.prefix for zone in known.values()}),
        passages=MappingProxyType(passages),
        interfaces=MappingProxyType({zone.id: zone.interface for zone in known.values()}),
    )


def _check_apart(zones: Iterable[Zone]) -> None:
    ordered = sorted(zones, key=lambda zone: IPv4Network(zone.prefix))
    if len({zone.interface for zone in ordered}) < len(ordered):
        raise ValueError("two zones on one interface")
    for one, following in pairwise(ordered):
        if IPv4Network(one.prefix).overlaps(IPv4Network(following.prefix)):
            raise ValueError(f"zones {one.id} and {following.id} share addresses")


def _block(head: str, kind: str, elements: list[str]) -> list[str]:
    lines = [f"\t\t{one}" for one in kind.split("; ")]
    if elements:
        lines += [f"\t\telements = {{ {elements[0]}", *(f"\t\t\t, {one}" for one in elements[1:]), "\t\t}"]
    return [f"\t{head} {{", *lines, "\t}"]
