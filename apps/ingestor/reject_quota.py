"""How much is kept of what one device does wrong: enough to find the fault, and not all that it sends for weeks."""

import logging
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, time

from apps.ingestor.clock import Clock
from apps.ingestor.records import RejectedItem
from apps.storage.connection import Connection

log = logging.getLogger(__name__)

MAX_DEVICES = 100_000
"""Devices whose count is remembered; then it is read from the table anew."""


class RejectQuota:
    """At most `per_day` rejected records are kept for each device and day (UTC); those of no device share one quota.

    At most `total_per_day` are kept altogether: what is wrong may name another device each time.
    """

    def __init__(self, per_day: int, total_per_day: int, clock: Clock) -> None:
        self._per_day = per_day
        self._total_per_day = total_per_day
        self._total = 0
        self._clock = clock
        self._day = date.min
        self._counts: dict[str | None, int] = {}

    async def select(self, connection: Connection, items: Sequence[RejectedItem]) -> list[RejectedItem]:
        """Return the items that are to be kept, the first of each device."""
        await self._load(connection, {item.device_id for item in items})
        left = {device_id: self._per_day - self._counts[device_id] for device_id in {item.device_id for item in items}}
        selected: list[RejectedItem] = []
        for item in items:
            if left[item.device_id] > 0 and self._total + len(selected) < self._total_per_day:
                left[item.device_id] -= 1
                selected.append(item)
        return selected

    def confirm(self, retained: Sequence[RejectedItem]) -> None:
        """Count what was kept, once that is committed."""
        if self._total < self._total_per_day <= self._total + len(retained):
            log.warning("%d records were rejected today: further ones are counted and not kept", self._total_per_day)
        self._total += len(retained)
        for device_id, count in Counter(item.device_id for item in retained).items():
            self._counts[device_id] = self._counts.get(device_id, 0) + count
            if self._counts[device_id] >= self._per_day:
                log.warning(
                    "%s had %d records rejected today: further ones are counted and not kept",
                    device_id or "records without a device",
                    self._per_day,
                )

    async def _load(self, connection: Connection, device_ids: set[str | None]) -> None:
        today = self._clock.now().astimezone(UTC).date()
        if today != self._day or len(self._counts) > MAX_DEVICES:
            self._day, self._counts, self._total = today, {}, -1
        missing = device_ids - self._counts.keys()
        if not missing:
            return
        since = datetime.combine(today, time(), UTC)
        if self._total < 0:
            self._total = await connection.fetchval(_COUNT_ALL, since, self._total_per_day)
        self._counts |= dict.fromkeys(missing, 0)
        rows = await connection.fetch(
            _COUNT, [device_id for device_id in missing if device_id is not None], since, self._per_day
        )
        self._counts |= {row["device_id"]: row["kept"] for row in rows}
        if None in missing:
            self._counts[None] = await connection.fetchval(_COUNT_WITHOUT_DEVICE, since, self._per_day)


# Looks at no more rows than may be kept, through the index on device_id and rejected_id.
_COUNT = """
SELECT device.device_id, recent.kept FROM unnest($1::text[]) AS device (device_id) CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE rejected_at >= $2) AS kept FROM (
        SELECT rejected_at FROM rejected_records AS rejected WHERE rejected.device_id = device.device_id
        ORDER BY rejected_id DESC LIMIT $3
    ) AS newest
) AS recent
"""

_COUNT_ALL = "SELECT count(*) FROM (SELECT FROM rejected_records WHERE rejected_at >= $1 LIMIT $2) AS today"

_COUNT_WITHOUT_DEVICE = """
SELECT count(*) FILTER (WHERE rejected_at >= $1) FROM (
    SELECT rejected_at FROM rejected_records WHERE device_id IS NULL ORDER BY rejected_id DESC LIMIT $2
) AS newest
"""
