"""What is said of requests that wait for a second person."""

from collections.abc import Mapping

NAMES: Mapping[str, str] = {
    "approved": "Approved",
    "rejected": "Rejected",
}
