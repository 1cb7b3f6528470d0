"""What can go wrong when days are written, deleted or brought back."""

from datetime import date

from apps.storage.archive.errors import ArchiveError


class DayDiffersError(ArchiveError):
    """What was written of a day is not what the database's rollups say of it. The day is not final."""

    def __init__(self, day: date, differences: str) -> None:
        super().__init__(f"{day}: the files differ from the rollups of the day, so it is not final: {differences}")


class NotCompleteError(ArchiveError):
    """The database no longer holds all readings of a day."""
