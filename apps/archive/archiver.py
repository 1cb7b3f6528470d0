"""Makes days final: writes each that is due, compares, and only then lets its manifest name the files.

A process may end anywhere: what it wrote is no day until a manifest names it, which is one put of one object. A file
that no manifest names is deleted when its day is written again, one that was replaced a run later: readers have a day.
"""

import asyncio
import logging
import secrets
from collections import defaultdict
from collections.abc import Callable
from datetime import date, datetime

import pyarrow as pa
from botocore.exceptions import BotoCoreError, ClientError

from apps.archive import days
from apps.archive.days import DayState
from apps.archive.errors import NotCompleteError
from apps.archive.files import ROW_GROUP_ROWS, FileWriter, figures
from apps.archive.metrics import Outcome
from apps.archive.rows import Rows
from apps.storage.archive.bucket import Bucket
from apps.storage.archive.errors import ArchiveError
from apps.storage.archive.manifest import READINGS_PREFIX, Manifest, day_of, folder, manifest_key
from apps.storage.connection import Connection

log = logging.getLogger(__name__)

PIECE_BYTES = 4 * 1024 * 1024
"""Of a COPY that are taken in at a time, in a thread."""

COPY_SECONDS = 6 * 3600


class Archiver:
    """Writes days of one database into one bucket. Only one may at a time: `days.lock`."""

    def __init__(self, connection: Connection, bucket: Bucket, file_bytes: int, now: Callable[[], datetime]) -> None:
        self.connection, self.bucket, self.file_bytes, self.now = connection, bucket, file_bytes, now

    async def run(self, before: datetime) -> Outcome:
        """Make every day final that is over at a time, as far as it can be, and tell what became of it."""
        states = await days.states(self.connection, before)
        etags = await asyncio.to_thread(self.bucket.manifests)
        await self._sweep({state.day: state.version for state in states if state.version is not None})
        due = [state for state in states if not _is_final(state, etags)]
        failed, rows, size = 0, 0, 0
        for state in due:
            try:
                manifest = await self.archive(state.day)
            except (ArchiveError, ValueError, BotoCoreError, ClientError) as error:
                failed += 1
                log.error("cannot make %s final: %s", state.day, error)
            else:
                rows += manifest.rows
                size += sum(file.bytes for file in manifest.files)
        return Outcome(len(states) - failed, failed, failed, rows, size)

    async def archive(self, day: date) -> Manifest:
        """Make a day final and return its manifest: a new version, unless the one that there is holds the same.

        Raises DayDiffersError, NotCompleteError, LockedError, botocore's errors and those of PostgreSQL.
        """
        wanted = await days.expected(self.connection, day)
        current = await asyncio.to_thread(self.bucket.manifest, manifest_key(day))
        if current and current[0].rows == sum(series.readings for series in wanted.values()):
            manifest, etag = current
            found = await asyncio.to_thread(figures, self.bucket, manifest.files)
            if days.equal(found, wanted):
                await days.record(self.connection, manifest, etag)
                return manifest
        await self._check_complete(day, current and current[0], sum(series.readings for series in wanted.values()))
        await self._delete_unnamed(day, current and current[0])
        version = current[0].version + 1 if current else 1
        writer = FileWriter(self.bucket, day, version_name(version), self.file_bytes)
        async with self.connection.transaction(isolation="repeatable_read"):
            wanted = await days.expected(self.connection, day)
            await self._copy(day, writer)
        found = await asyncio.to_thread(figures, self.bucket, writer.files)
        days.check_equal(day, found, wanted)
        manifest = Manifest.of(day, version, tuple(writer.files), found, self.now())
        await self.publish(manifest, current and current[1])
        return manifest

    async def publish(self, manifest: Manifest, replaces: str | None) -> None:
        """Make a day what its manifest says, and remember that it is final."""
        etag = await asyncio.to_thread(self.bucket.publish, manifest, replaces)
        await days.record(self.connection, manifest, etag)
        size = sum(file.bytes for file in manifest.files)
        log.info(
            "a day is final",
            extra={"day": str(manifest.day), "version": manifest.version, "rows": manifest.rows, "bytes": size},
        )

    async def _copy(self, day: date, writer: FileWriter) -> None:
        rows, waiting = Rows(await days.series_of(self.connection, day), ROW_GROUP_ROWS), bytearray()

        def write(piece: bytes) -> None:
            for kind, table in rows.take(piece):
                writer.write(kind, table)

        async def take(data: bytes) -> None:
            waiting.extend(data)
            if len(waiting) >= PIECE_BYTES:
                piece = bytes(waiting)
                waiting.clear()
                await asyncio.to_thread(write, piece)

        def finish() -> None:
            write(bytes(waiting))
            for kind, table in rows.finish():
                writer.write(kind, table)
            writer.finish()

        try:
            await self.connection.copy_from_query(
                days.copy_query(day), output=take, format="binary", timeout=COPY_SECONDS
            )
            await asyncio.to_thread(finish)
        except BaseException:
            writer.abandon()
            raise
        finally:
            pa.default_memory_pool().release_unused()

    async def _check_complete(self, day: date, archived: Manifest | None, readings: int) -> None:
        oldest = await days.oldest_kept(self.connection)
        if oldest is None or day < oldest:
            raise NotCompleteError(
                f"{day}: the database keeps no readings before {oldest}, and the archive lacks the day or holds "
                "another number of readings than the rollups say"
            )
        if archived and archived.rows > readings:
            raise NotCompleteError(
                f"{day}: the archive holds {archived.rows} readings and the database {readings}: nothing is taken out "
                "of the archive but by `python -m apps.archive forget`; restore the database from it instead"
            )

    async def _delete_unnamed(self, day: date, manifest: Manifest | None) -> None:
        """Delete what an attempt left that was ended."""
        named = {file.key for file in manifest.files} if manifest else set()
        unnamed = [key for key in await asyncio.to_thread(self.bucket.keys, folder(day)) if key not in named]
        await asyncio.to_thread(self.bucket.delete, unnamed)

    async def _sweep(self, versions: dict[date, int]) -> None:
        """Delete the files of versions that were replaced in an earlier run."""
        replaced = defaultdict(list)
        for key in await asyncio.to_thread(self.bucket.keys, READINGS_PREFIX):
            day = day_of(key)
            if day in versions and _version_of(key) < versions[day]:
                replaced[day].append(key)
        for day, keys in replaced.items():
            current = await asyncio.to_thread(self.bucket.manifest, manifest_key(day))
            named = {file.key for file in current[0].files} if current else set()
            await asyncio.to_thread(self.bucket.delete, [key for key in keys if key not in named])


def version_name(version: int) -> str:
    """Return what the names of a version's files begin with: of another attempt they are others."""
    return f"v{version:06}-{secrets.token_hex(4)}"


def _version_of(key: str) -> int:
    return int(key.rpartition("/v")[2][:6])


def _is_final(state: DayState, etags: dict[str, str]) -> bool:
    return state.final == state.readings and state.etag is not None and etags.get(manifest_key(state.day)) == state.etag
