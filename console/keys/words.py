"""What is said of keys."""

from collections.abc import Mapping

NAMES: Mapping[str, str] = {
    "key-platform": "Seals the platform's sessions and secrets",
    "key-forms": "Authenticates the platform's forms",
    "key-encrypt": "Seals data of the department",
    "key-sign": "Signs for the department",
    "published": "Being given to every gateway",
    "active": "Active",
    "decrypt-only": "Opens only",
    "retired": "Destroyed",
}

FIELDS: Mapping[str, str] = {
    "keys": "Name of the key",
}
"""Nouns of an address and fields of a form, as a request tells them."""
