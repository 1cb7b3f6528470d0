"""`python -m apps.archive`: write what is over into the archive, show it, check it, forget a device, restore days."""

import argparse
import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import asyncpg
from botocore.exceptions import BotoCoreError, ClientError

from apps.archive import days, metrics, restore
from apps.archive.archiver import Archiver
from apps.archive.files import figures
from apps.archive.forget import forget
from apps.archive.service import ARCHIVE
from apps.archive.settings import MIB, ArchiveSettings
from apps.platform.process import FAILED, run_job
from apps.storage.archive.bucket import Bucket
from apps.storage.archive.errors import ArchiveError, LockedError
from apps.storage.connection import connected

log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit with its code. What it did is logged; what was asked for is printed."""
    options = _parser().parse_args(arguments)
    commands: dict[str | None, Callable[[ArchiveSettings], Awaitable[int]]] = {
        None: _run,
        "list": _list,
        "verify": _verify,
        "forget": partial(_forget, getattr(options, "device", "")),
        "restore": partial(_restore, options),
    }
    run_job(ARCHIVE, ArchiveSettings, partial(_exit_code, commands[options.command]))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m apps.archive",
        description="Writes every day that is over and not final yet as Parquet into the archive. Where database and "
        "bucket are comes from DATABASE_* and ARCHIVE_* settings. Exit code: 0 all is final, 1 something failed, 2 bad "
        "settings.",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("list", help="list the days that are final")
    commands.add_parser("verify", help="read every file and compare it with its manifest and with the database")
    forgetting = commands.add_parser("forget", help="delete all readings of a device, here and in the database")
    forgetting.add_argument("device", help="its id")
    restoring = commands.add_parser("restore", help="store archived days in a new database, as a user that may write")
    restoring.add_argument("--since", type=_day, required=True, metavar="DAY", help="first day, like 2026-11-25")
    restoring.add_argument("--until", type=_day, metavar="DAY", help="day after the last one; all there are")
    return parser


async def _run(settings: ArchiveSettings) -> int:
    async with _archiver(settings) as archiver:
        outcome = await archiver.run(archiver.now() - timedelta(hours=settings.settle_hours))
    log.info("archived", extra=outcome._asdict())
    await asyncio.to_thread(metrics.push, settings.pushgateway_url, outcome)
    return FAILED if outcome.failed else 0


async def _list(settings: ArchiveSettings) -> int:
    bucket = Bucket(settings, settings.archive_bucket)
    print("day\tversion\treadings\tseries\tfiles\tbytes")
    for key in sorted(await asyncio.to_thread(bucket.manifests)):
        if found := await asyncio.to_thread(bucket.manifest, key):
            day = found[0]
            size = sum(file.bytes for file in day.files)
            print(f"{day.day}\t{day.version}\t{day.rows}\t{day.series}\t{len(day.files)}\t{size}")
    return 0


async def _verify(settings: ArchiveSettings) -> int:
    bucket, wrong = Bucket(settings, settings.archive_bucket), 0
    async with connected(settings, "archive") as connection:
        for key in sorted(await asyncio.to_thread(bucket.manifests)):
            found = await asyncio.to_thread(bucket.manifest, key)
            if found is None:
                continue
            day = found[0].day
            try:
                held = await asyncio.to_thread(figures, bucket, found[0].files)
                if rollups := await days.expected(connection, day):
                    days.check_equal(day, held, rollups)
                if (rows := sum(series.readings for series in held.values())) != found[0].rows:
                    raise ValueError(f"the files hold {rows} readings, the manifest says {found[0].rows}")
            except (ArchiveError, ValueError, ClientError) as error:
                wrong += 1
                print(f"{day}\twrong\t{error}")
            else:
                print(f"{day}\tright\t{found[0].rows} readings")
    return FAILED if wrong else 0


async def _forget(device_id: str, settings: ArchiveSettings) -> int:
    async with _archiver(settings) as archiver:
        done = await forget(archiver, device_id)
    print(f"{done.stored} readings deleted from the database, {done.archived} from {done.days} archived days")
    return 0


async def _restore(options: argparse.Namespace, settings: ArchiveSettings) -> int:
    bucket, archived, stored = Bucket(settings, settings.archive_bucket), 0, 0
    async with connected(settings, "restore") as connection:
        async for day in restore.restore(connection, bucket, options.since, options.until):
            print(f"{day.day}\t{day.archived} archived\t{day.stored} stored\t{day.archived - day.stored} already there")
            archived, stored = archived + day.archived, stored + day.stored
    print(f"together\t{archived} archived\t{stored} stored\t{archived - stored} already there")
    return 0


@asynccontextmanager
async def _archiver(settings: ArchiveSettings) -> AsyncIterator[Archiver]:
    async with connected(settings, "archive") as connection:
        if not await days.lock(connection):
            raise LockedError("another process works on the archive: wait until it has ended")
        bucket = Bucket(settings, settings.archive_bucket)
        yield Archiver(connection, bucket, settings.file_mib * MIB, lambda: datetime.now(UTC))


async def _exit_code(command: Callable[[ArchiveSettings], Awaitable[int]], settings: ArchiveSettings) -> int:
    try:
        return await command(settings)
    except (ArchiveError, asyncpg.PostgresError, BotoCoreError, ClientError, OSError) as error:
        log.error("archive: %s: %s", type(error).__name__, error)
        return FAILED


def _day(text: str) -> object:
    try:
        return restore.day(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


if __name__ == "__main__":
    main()
