"""Export: all readings of a window as a stream, however many they are.

The rows are fetched a chunk at a time, each where the last one ended, so neither a large export nor a client that
reads slowly holds memory, a connection or a transaction.
"""

from collections.abc import AsyncIterator
from typing import Annotated

import msgspec
from starlette.responses import Response, StreamingResponse

from apps.api import history
from apps.api.caller import Caller
from apps.api.context import Context
from apps.api.metrics import ROWS_SERVED
from apps.api.operation import Router
from apps.api.permissions import Permission
from apps.api.queries.readings import ReadingOut, Series
from apps.api.routes.export_formats import FORMATS, Format, Writer
from apps.api.windows import Since, Until, window
from apps.domain.devices import DeviceId
from apps.domain.readings import Metric

router = Router("Export", "History as files.")


class ExportQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which readings to export, and how they are written."""

    format: Annotated[
        Format, msgspec.Meta(description="CSV with a header, a JSON object a line, or a file of Parquet (zstd)")
    ]
    device_id: DeviceId | None = None
    metric: Metric | None = None
    since: Since | None = None
    until: Until | None = None


@router.operation(
    "GET",
    "/readings/export",
    produces={writer.media_type: writer.schema for writer in FORMATS.values()},
    permission=Permission.EXPORT_READ,
    errors={429: "As many exports are under way as there may be"},
)
async def export_readings(context: Context, caller: Caller, query: ExportQuery) -> Response:
    """Export readings by device, metric and time, those that lie in the archive too.

    The answer has no limit and ends early only by breaking the connection, so a complete answer is complete. Only some
    are written at a time.
    """
    chunks = _chunks(context, caller, query)
    # Before the answer begins, so that it can still be a problem.
    first = await anext(chunks)
    writer = FORMATS[query.format]()
    headers = {
        "Content-Disposition": f'attachment; filename="readings.{query.format}"',
        "Cache-Control": "no-store",
    }
    return StreamingResponse(_written(first, chunks, writer), headers=headers, media_type=writer.media_type)


async def _chunks(context: Context, caller: Caller, query: ExportQuery) -> AsyncIterator[list[ReadingOut]]:
    series, period = Series(query.device_id, query.metric), window(query.since, query.until)
    with context.exports.take():
        async for rows in history.in_key_order(context, series, period, caller.labels):
            ROWS_SERVED.labels("export").inc(len(rows))
            yield rows


async def _written(
    first: list[ReadingOut], rest: AsyncIterator[list[ReadingOut]], writer: Writer
) -> AsyncIterator[bytes]:
    yield writer.begin() + writer.write(first)
    async for rows in rest:
        if written := writer.write(rows):
            yield written
    yield writer.finish()
