"""Zones (安全域) and the flows between them as plain values; what is not an open flow is forbidden.

GB/T 22239-2019 8.1.3: default deny at the border, each exception by zones, protocol and port, with an owner and an end.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Network
from typing import NamedTuple

PROTOCOLS = ("tcp", "udp")
_ID = re.compile(r"[a-z][a-z0-9-]{0,62}", re.ASCII)
_INTERFACE = re.compile(r"[a-z][a-z0-9-]{0,14}", re.ASCII)  # IFNAMSIZ is 16 with its NUL
_ULID = re.compile(r"[0-9A-Z]{1,26}", re.ASCII)


def is_slug(text: str) -> bool:
    """Whether `text` may be the id of a zone or the name of a machine."""
    return bool(_ID.fullmatch(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A network with a ceiling. To make one raises ValueError for what a rule set could misread."""

    id: str
    name_zh: str
    name_en: str
    network: str  # internet, extranet, core
    prefix: str  # IPv4, "10.10.1.0/24"
    interface: str  # the router's, towards the zone
    ceiling: int

    def __post_init__(self) -> None:
        if not (is_slug(self.id) and is_slug(self.network) and _INTERFACE.fullmatch(self.interface)):
            raise ValueError("a zone's id, network and interface are small letters, digits and hyphens")
        IPv4Network(self.prefix)  # strict: no host bits


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """What may pass from any address of one zone to a port of any address of another, until `expires_at` (excluded)."""

    id: str
    from_zone: str
    to_zone: str
    protocol: str
    port: int
    owner: str  # the department that answers for it
    expires_at: datetime

    def __post_init__(self) -> None:
        if not (_ULID.fullmatch(self.id) and is_slug(self.from_zone) and is_slug(self.to_zone)):
            raise ValueError("a flow has an id and two zones")
        if self.protocol not in PROTOCOLS or not 0 < self.port < 65536 or self.from_zone == self.to_zone:
            raise ValueError("a flow is tcp or udp, to one port, between two zones")


class Way(NamedTuple):
    """What a flow opens. At most one flow at a time opens the same way."""

    from_zone: str
    to_zone: str
    protocol: str
    port: int


def live_flows(flows: Iterable[Flow], at: datetime) -> list[Flow]:
    """Return the flows that have not run out at the moment `at`."""
    return [flow for flow in flows if at < flow.expires_at]


def wrong_with_flow(*, from_zone: str, to_zone: str, protocol: str, port: str) -> Iterator[dict[str, str]]:
    """Yield what is wrong with the path of a flow, by field: `{"field", "code"}`.
    The text that was given is not in it.
    """
    for field, text in (("from", from_zone), ("to", to_zone)):
        if not is_slug(text):
            yield {"field": field, "code": "zone-invalid"}
    if from_zone == to_zone:
        yield {"field": "to", "code": "zones-same"}
    if protocol not in PROTOCOLS:
        yield {"field": "protocol", "code": "protocol-invalid"}
    if not (port.isascii() and port.isdecimal() and len(port) <= 5 and 0 < int(port) < 65536 and port[0] != "0"):
        yield {"field": "port", "code": "port-invalid"}
