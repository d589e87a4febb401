"""What is said of machines and their quotas."""

from collections.abc import Mapping

NAMES: Mapping[str, str] = {
    "simulated": "simulated",
    "cpu": "CPUs",
    "memory_gib": "Memory, GiB",
    "disk_gib": "Disk, GiB",
    "placing": "Being placed",
    "running": "Running",
    "stopped": "Stopped",
    "deleted": "Deleted",
    "start": "Start",
    "stop": "Stop",
    "delete": "Delete",
}

FIELDS: Mapping[str, str] = {
    "cpu": "CPUs",
    "memory_gib": "Memory, GiB",
    "disk_gib": "Disk, GiB",
}
"""Nouns of an address and fields of a form, as a request tells them."""
