"""Resources, apps and shares as the API shows them."""

from datetime import datetime
from typing import Any

from audit.event import timestamp
from catalogue.description import DESCRIBED
from catalogue.resource import Resource
from catalogue.share import Share
from idp.apps import App

_RESOURCE = (*DESCRIBED, "department", "system", "path", "label", "published_by", "published_at", "record")


def resource_json(resource: Resource) -> dict[str, Any]:
    """Return the nine fields, where its open API is, and who published it when."""
    return {"id": resource.resource} | {name: _json(getattr(resource, name)) for name in _RESOURCE}


def share_json(share: Share) -> dict[str, Any]:
    """Return every field of a share."""
    return {name: _json(getattr(share, name)) for name in Share.__dataclass_fields__}


def app_json(app: App) -> dict[str, Any]:
    """Return every field of an app that says something, but not who made it."""
    values = {name: _json(getattr(app, name)) for name in App.__dataclass_fields__ if name != "created_by"}
    return {name: value for name, value in values.items() if value is not None}


def _json(value: Any) -> Any:
    return timestamp(value) if isinstance(value, datetime) else value
