"""Months by their names, like 2026-11."""

from datetime import UTC, datetime, timedelta


def first_moment(month: str) -> datetime:
    """Return when a month begins that is written like 2026-11."""
    return datetime.fromisoformat(f"{month}-01").replace(tzinfo=UTC)


def following(month: str) -> str:
    """Return the month after one."""
    return f"{first_moment(month) + timedelta(days=31):%Y-%m}"


def preceding(month: str) -> str:
    """Return the month before one."""
    return f"{first_moment(month) - timedelta(days=1):%Y-%m}"
