"""Acts as the door makes them, for tests of rooms that have no door in front of them."""

from datetime import UTC, datetime

from storage.act import Act


def an_act(
    actor: str = "user:zheng",
    *,
    approver: str = "",
    record: str = "01ACT",
    at: datetime | None = None,
    department: str = "city",
) -> Act:
    """An act of `actor` at this moment, under a record that nobody wrote."""
    return Act(actor=actor, approver=approver, record=record, at=at or datetime.now(UTC), department=department)
