"""The archive as the API reads it: which days the database lacks, and what their files hold.

A day is served by the database while it holds the day's month, and by the archive when that is gone. Where both have
something of a day, as while a day is being restored, both are read, and each reading is shown once.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

from apps.api.archive.by_key import Days
from apps.api.archive.by_time import first_by_time
from apps.api.archive.selection import Selection
from apps.api.database import Database
from apps.api.errors import ArchiveSlowError, ArchiveUnavailableError
from apps.api.limits import Limits
from apps.api.queries import archived
from apps.api.queries.archived import State
from apps.api.queries.readings import Order, ReadingOut, SeriesTimeKey, TimeKey
from apps.api.settings import ApiSettings
from apps.platform.errors import ProblemError
from apps.storage.archive.bucket import Bucket
from apps.storage.archive.errors import S3_ERRORS, ArchiveError, FileGoneError
from apps.storage.archive.manifest import Manifest, day_of, manifest_key

T = TypeVar("T")

LISTING_SECONDS = 60.0
"""After which it is looked anew which days lie in the archive. What this database knows of it is known at once."""
RETRY_SECONDS = 10.0
"""After which S3 is asked again that did not answer: whoever asks meanwhile is not kept waiting."""
READ_SECONDS, ATTEMPTS = 5.0, 2
"""S3 answers in less, or whoever asks is told."""
MAX_MANIFESTS = 500
"""That are remembered: each some kilobytes."""


FAR = date(2200, 1, 1)
"""No reading is from after it."""


@dataclass(frozen=True, slots=True)
class View:
    """What the database holds, and the days that it lacks, oldest first, each with the ETag of its manifest.

    `blind_before`: S3 has not said yet which days lie there, so nobody knows what there is before this day.
    """

    state: State
    days: dict[date, str | None] = field(default_factory=dict)
    blind_before: date | None = None


class Archive:
    """The archive of one database in one bucket."""

    def __init__(self, bucket: Bucket, limits: Limits) -> None:
        self._bucket, self._limits = bucket, limits
        self._reads = asyncio.Semaphore(limits.archive_reads)
        self._listing: dict[date, str] | None = None
        self._view: View | None = None
        self._look_again_at = 0.0
        self._retry_at = 0.0
        self._manifests: dict[tuple[date, str], Manifest] = {}

    @classmethod
    def of(cls, settings: ApiSettings, limits: Limits) -> "Archive | None":
        """Return the archive that settings name, if they name one."""
        if settings.archive_bucket is None:
            return None
        bucket = Bucket(settings, settings.archive_bucket, read_timeout=READ_SECONDS, attempts=ATTEMPTS)
        return cls(bucket, limits)

    async def view(self, database: Database) -> View:
        """Return what the database holds now and which days it lacks."""
        state = await archived.state(database)
        known = self._view
        if known and known.state == state and time.monotonic() < max(self._look_again_at, self._retry_at):
            return known
        final = await archived.final_days(database)
        if time.monotonic() >= self._retry_at:
            # While S3 does not answer, what it said last is still there; what became final since, the database knows.
            try:
                listed = await asyncio.to_thread(self._bucket.manifests)
            except S3_ERRORS:
                self._retry_at = time.monotonic() + RETRY_SECONDS
            else:
                self._listing = {day_of(key): etag for key, etag in listed.items()}
                self._look_again_at = time.monotonic() + LISTING_SECONDS
        listing, held = self._listing or {}, set(state.months)
        lacking = {
            day: listing.get(day)
            for day in sorted(listing.keys() | final)
            if (day.year, day.month) not in held or day not in final
        }
        blind = None if self._listing is not None else archived.first_day(state) or FAR
        self._view = View(state, lacking, blind)
        return self._view

    async def by_time(
        self, view: View, day: date, selection: Selection, order: Order, limit: int, after: TimeKey | None, end: float
    ) -> list[ReadingOut]:
        """Return the first readings of a day by time that come after a key.

        `end`: when it must be done, by the monotonic clock. Raises ArchiveSlowError, ArchiveUnavailableError, and
        ProblemError for more readings than are sorted by time.
        """

        def check() -> None:
            if time.monotonic() > end:
                raise ArchiveSlowError

        def read(manifest: Manifest) -> list[ReadingOut]:
            self._check_size(manifest, selection)
            return first_by_time(self._bucket, manifest, selection, order, limit, after, check)

        async with self._reads:
            return await asyncio.to_thread(self._checked, day, lambda: self._read(view, day, read))

    async def by_key(
        self, view: View, days: Sequence[date], selection: Selection, after: SeriesTimeKey | None
    ) -> AsyncIterator[list[ReadingOut]]:
        """Yield the readings of days by device, metric and time that come after a key.

        Raises ArchiveUnavailableError.
        """
        rows = Days(
            self._bucket, days, lambda day, read: self._read(view, day, read), self._limits.archive_rows
        ).readings(selection, after)
        while True:
            async with self._reads:
                some = await asyncio.to_thread(self._checked, days[0], lambda: next(rows, None))
            if some is None:
                return
            yield some

    def _check_size(self, manifest: Manifest, selection: Selection) -> None:
        rows = sum(file.rows for file in selection.files(manifest))
        if len(selection.devices) > 1 and rows > self._limits.archive_sorted_rows:
            raise ProblemError(
                400,
                f"{rows} readings of {manifest.day} lie in the archive, more than are sorted by time for one page: "
                "name a device_id, or take an export",
            )

    def _read(self, view: View, day: date, read: Callable[[Manifest], T]) -> T:
        """Read a day by its manifest: again by a newer one where its files are gone meanwhile."""
        try:
            found = self._manifest(day, view.days.get(day))
            return read(found)
        except FileGoneError:
            return read(self._manifest(day, None))

    def _manifest(self, day: date, etag: str | None) -> Manifest:
        if etag is not None and (known := self._manifests.get((day, etag))):
            return known
        found = self._bucket.manifest(manifest_key(day))
        if found is None:
            raise ArchiveError(f"{manifest_key(day)} is not there, and the database holds nothing of this day")
        manifest, etag = found
        while len(self._manifests) >= MAX_MANIFESTS:
            self._manifests.pop(next(iter(self._manifests)), None)
        self._manifests[day, etag] = manifest
        return manifest

    def _checked(self, day: date, read: Callable[[], T]) -> T:
        """Read, and say what is wrong so that a caller can be told."""
        try:
            return read()
        except ArchiveError as error:
            raise ArchiveUnavailableError(str(error)) from error
        except (*S3_ERRORS, OSError) as error:
            raise unavailable(f"readings of {day}") from error


def unavailable(what: str) -> ArchiveUnavailableError:
    """Return the error of an archive that does not answer when something is asked for."""
    return ArchiveUnavailableError(
        f"{what} lie in the archive, which cannot be read now: try again in a moment; what is newer is served meanwhile"
    )
