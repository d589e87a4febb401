"""What is said of zones, the flows between them, and the data plane."""

from collections.abc import Mapping

NAMES: Mapping[str, str] = {
    "simulated": "simulated",
    "namespaces": "nftables in network namespaces of one machine",
    "lost": "The hypervisor does not have it.",
    "changed-by-hand": "It was changed past the door.",
    "unknown": "Nobody asked for it.",
}

FIELDS: Mapping[str, str] = {
    "zones": "Zone",
    "flows": "To zone",
    "owner": "Who answers for it",
}
"""Nouns of an address and fields of a form, as a request tells them."""
