"""What is said of resources, apps and shares."""

from collections.abc import Mapping

NAMES: Mapping[str, str] = {
    "resource-published": "Resource published",
    "resource-renewed": "New version published",
    "resource-withdrawn": "Withdrawn",
    "share-given": "Shared",
    "share-ended": "Share ended",
}

FIELDS: Mapping[str, str] = {
    "resources": "Resource name",
    "app": "App",
    "apps": "App",
}
"""Nouns of an address and fields of a form, as a request tells them."""
