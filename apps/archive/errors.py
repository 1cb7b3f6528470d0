"""What the archive can say that went wrong."""

from datetime import date


class ArchiveError(Exception):
    """The archive cannot do what was asked."""


class DayDiffersError(ArchiveError):
    """What was written of a day is not what the database's rollups say of it. The day is not final."""

    def __init__(self, day: date, differences: str) -> None:
        super().__init__(f"{day}: the files differ from the rollups of the day, so it is not final: {differences}")


class NotCompleteError(ArchiveError):
    """The database no longer holds all readings of a day."""


class LockedError(ArchiveError):
    """Another process works on the archive."""
