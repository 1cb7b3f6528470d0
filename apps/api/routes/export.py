"""Export: all readings of a window as a stream, however many they are.

The rows are fetched a chunk at a time, each where the last one ended, so neither a large export nor a client that
reads slowly holds memory, a connection or a transaction.
"""

import csv
import io
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Annotated, Literal

import msgspec
from starlette.responses import Response, StreamingResponse

from apps.api.caller import Caller
from apps.api.context import Context
from apps.api.metrics import ROWS_SERVED
from apps.api.operation import Router
from apps.api.permissions import Permission
from apps.api.queries import readings
from apps.api.queries.readings import ReadingOut, Series, SeriesTimeKey
from apps.api.windows import Since, Until, window
from apps.domain.devices import DeviceId
from apps.domain.readings import Metric

router = Router("Export", "History as files.")

CSV, NDJSON = "text/csv", "application/x-ndjson"


class ExportQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which readings to export, and how they are written."""

    format: Annotated[Literal["csv", "ndjson"], msgspec.Meta(description="CSV with a header, or a JSON object a line")]
    device_id: DeviceId | None = None
    metric: Metric | None = None
    since: Since | None = None
    until: Until | None = None


@router.operation(
    "GET",
    "/readings/export",
    produces={CSV: str, NDJSON: str},
    permission=Permission.EXPORT_READ,
    errors={429: "As many exports are under way as there may be"},
)
async def export_readings(context: Context, caller: Caller, query: ExportQuery) -> Response:
    """Export readings by device, metric and time.

    The answer has no limit and ends early only by breaking the connection, so a complete answer is complete. Only some
    are written at a time.
    """
    chunks = _chunks(context, caller, query)
    # Before the answer begins, so that it can still be a problem.
    first = await anext(chunks)
    write, media_type = (_csv, CSV) if query.format == "csv" else (_ndjson, NDJSON)
    headers = {
        "Content-Disposition": f'attachment; filename="readings.{query.format}"',
        "Cache-Control": "no-store",
    }
    return StreamingResponse(_written(first, chunks, write), headers=headers, media_type=media_type)


async def _chunks(context: Context, caller: Caller, query: ExportQuery) -> AsyncIterator[list[ReadingOut]]:
    series, asked = Series(query.device_id, query.metric), window(query.since, query.until)
    chunk_rows, after = context.limits.export_chunk_rows, None
    with context.exports.take():
        while True:
            rows = await readings.in_key_order(context.database, series, asked, chunk_rows, after, caller.labels)
            ROWS_SERVED.labels("export").inc(len(rows))
            yield rows
            if len(rows) < chunk_rows:
                return
            after = SeriesTimeKey(rows[-1].device_id, rows[-1].metric, rows[-1].ts)


async def _written(
    first: list[ReadingOut], rest: AsyncIterator[list[ReadingOut]], write: Callable[[Sequence[ReadingOut], bool], bytes]
) -> AsyncIterator[bytes]:
    yield write(first, True)
    async for rows in rest:
        yield write(rows, False)


def _csv(rows: Sequence[ReadingOut], beginning: bool) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")  # RFC 4180
    if beginning:
        writer.writerow(ReadingOut.__struct_fields__)
    writer.writerows(msgspec.to_builtins(row).values() for row in rows)
    return text.getvalue().encode()


def _ndjson(rows: Sequence[ReadingOut], _: bool) -> bytes:
    return _ENCODER.encode_lines(rows)


_ENCODER = msgspec.json.Encoder()
