"""The city's days: what time it is there, and a day as a form writes it."""

from datetime import date, datetime, time, timedelta, timezone

CITY_TIME = timezone(timedelta(hours=8))  # China has one zone and no daylight saving; months end at its midnight


def day_end(text: str) -> datetime | None:
    """The last moment of a day, as a form writes the day; None for what is none."""
    try:
        return datetime.combine(date.fromisoformat(text), time.max, CITY_TIME)
    except ValueError:
        return None


def day_after(now: datetime, days: int) -> str:
    """The day so many days from now, as a form writes it."""
    return (now.astimezone(CITY_TIME) + timedelta(days=days)).date().isoformat()
