"""`python -m apps.storage`: keep the database within its retention, measure it. `apps.migration` migrates it."""

import argparse
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from apps.platform.process import run_job
from apps.storage import access_upkeep, leftovers, partitions
from apps.storage.commands import create_ahead, exit_code
from apps.storage.connection import in_transaction
from apps.storage.measure import measure
from apps.storage.service import DATABASE_METRICS, PARTITIONS
from apps.storage.settings import MeasurementSettings, StorageSettings
from apps.storage.tables import sensor_readings

log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit with its code. What it did is logged; what was asked for is printed."""
    options = _parser().parse_args(arguments)
    if options.command == "measure":
        run_job(DATABASE_METRICS, MeasurementSettings, measure)
    elif options.command == "partitions":
        run_job(PARTITIONS, StorageSettings, partial(exit_code, _preview if options.dry_run else _maintain))
    else:
        run_job(PARTITIONS, StorageSettings, partial(exit_code, _list))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m apps.storage",
        description="Keeps the database within its retention, measures it. Where it is comes from DATABASE_* settings. "
        "Exit code: 0 it worked, 1 the database failed, 2 bad settings.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    maintain = commands.add_parser("partitions", help="create partitions ahead, drop what is over its retention")
    maintain.add_argument(
        "--dry-run", action="store_true", help="only print which partitions would go, and their bytes"
    )
    commands.add_parser("measure", help="push how the database is to the Pushgateway")
    commands.add_parser("list", help="list the partitions with their sizes")
    return parser


async def _maintain(settings: StorageSettings) -> None:
    await create_ahead(settings)
    for partition in await _expired(settings):
        if waiting := await _not_archived(settings, partition):
            # Not a failure of this command: the archive's own alert tells that it is behind.
            log.warning("a partition waits for the archive", extra={"partition": partition.name, "days": waiting})
            continue
        await in_transaction(settings, partial(partitions.drop, partition=partition))
        log.info("dropped a partition", extra={"partition": partition.name, "bytes": partition.bytes})
    now = datetime.now(UTC)
    for what, delete in (
        ("rejected records", leftovers.delete_rejected),
        ("alerts", leftovers.delete_alerts),
        ("audit events", leftovers.delete_audit_events),
    ):
        deleted = 0
        while rows := await in_transaction(settings, partial(delete, now=now, settings=settings)):
            deleted += rows
        log.info("deleted %s whose retention is over", what, extra={"rows": deleted})
    deleted = await in_transaction(settings, partial(leftovers.delete_unread, now=now))
    log.info("deleted what nobody read of the reading log", extra={"rows": deleted})
    forgotten = await in_transaction(settings, partial(leftovers.forget_series, now=now, settings=settings))
    log.info("forgot series of which no reading is kept", extra={"rows": forgotten})
    ended = await in_transaction(settings, partial(access_upkeep.end_replaced, now=now))
    log.info("ended credentials whose successors are in use", extra={"rows": ended})
    forgotten = await in_transaction(settings, partial(access_upkeep.forget_ended, now=now))
    log.info("forgot credentials that ended long ago", extra={"rows": forgotten})


async def _preview(settings: StorageSettings) -> None:
    for partition in await _expired(settings):
        if waiting := await _not_archived(settings, partition):
            print(f"would keep {partition.name}: {len(waiting)} days are not archived, the first {waiting[0]}")
        else:
            print(f"would drop {partition.name}, {partition.bytes} bytes")


async def _list(settings: StorageSettings) -> None:
    for partition in await in_transaction(settings, partitions.list_partitions):
        print(f"{partition.name}\t{partition.bytes}")


async def _expired(settings: StorageSettings) -> Sequence[partitions.Partition]:
    existing = await in_transaction(settings, partitions.list_partitions)
    return list(partitions.expired(existing, datetime.now(UTC), settings))


async def _not_archived(settings: StorageSettings, partition: partitions.Partition) -> list[str]:
    """Return the days for which a partition has to wait."""
    if not settings.archive_enabled or partition.table != sensor_readings.name:
        return []
    days = await in_transaction(settings, partial(partitions.days_not_archived, month=partition.month))
    return [str(day) for day in days]


if __name__ == "__main__":
    main()
