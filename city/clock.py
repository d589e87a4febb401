"""The one place that reads the time of day."""

from datetime import UTC, datetime


def clock() -> datetime:
    """Now, aware, in UTC."""
    return datetime.now(UTC)
