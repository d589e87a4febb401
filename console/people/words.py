"""What is said of people and their roles."""

from collections.abc import Mapping

NAMES: Mapping[str, str] = {
    "given": "Role given",
    "taken-back": "Role taken back",
}
