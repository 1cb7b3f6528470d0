"""What a day takes on its way into the archive and back: time, memory, bytes.

    python -m bench.archive [--readings 10000000] [--series 1000]

The database and the S3 are throwaway servers of its own; all rows of both are compared bit by bit. Memory is the most
that a process held above what it held before it began. The archiver runs in a process of its own, as its job does; so
does the API that reads the day again once the database has dropped it.
"""

import argparse
import asyncio
import hashlib
import json
import os
import resource
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import psutil
import pyarrow as pa

from apps.archive import days
from apps.archive.archiver import Archiver
from apps.archive.settings import MIB, ArchiveSettings
from apps.platform.settings import load
from apps.storage.archive.bucket import Bucket
from apps.storage.archive.manifest import manifest_key
from apps.storage.archive.parquet import TIME, tables
from apps.storage.connection import connect_arguments
from devtools.ports import free_port
from tests.support import postgres
from tests.support.api import TOKEN, secrets
from tests.support.kinesis import KinesisServer, start_ministack
from tests.support.postgres import TestDatabase

DAY = datetime(2026, 11, 24, tzinfo=UTC)
BUCKET = "bench-archive"

# Values are noise, which compresses worst; one series after the other, each evenly over the day.
_FILL = """
    INSERT INTO sensor_readings (device_id, metric, ts, value, received_at)
    SELECT 'device-' || lpad(s::text, 5, '0'), 'temperature', at, 20 + random(), at + interval '0.2 s'
    FROM generate_series($2::int, $3::int) AS s,
        LATERAL (
            SELECT $1::timestamptz + n * interval '1 day' / $4::int AS at FROM generate_series(0, $4::int - 1) AS n
        ) AS times
"""


async def fill(owner: asyncpg.Connection, readings: int, series: int) -> None:
    """Store a day of readings; triggers keep what the archive compares with."""
    await owner.execute("SELECT ensure_partition($1)", DAY)
    per_series, some = readings // series, max(1, 500_000 // (readings // series))
    for first in range(1, series + 1, some):
        await owner.execute(_FILL, DAY, first, min(series, first + some - 1), per_series, timeout=1800)
    await owner.execute(
        "INSERT INTO devices (device_id, kind) SELECT DISTINCT device_id, 'pump' FROM readings_day", timeout=600
    )
    await owner.execute("VACUUM ANALYZE sensor_readings", timeout=1800)


async def archive() -> None:
    """Archive the day and print what it took: in a process of its own."""
    settings = load(ArchiveSettings)
    connection = await asyncpg.connect(**connect_arguments(settings, "archive"))
    archiver = Archiver(connection, Bucket(settings, BUCKET), settings.file_mib * MIB, lambda: datetime.now(UTC))
    await days.expected(connection, DAY.date())
    before, began = _peak_mib(), time.perf_counter()
    used = time.process_time()
    manifest = await archiver.archive(DAY.date())
    took = {
        "seconds": time.perf_counter() - began,
        "cpu_seconds": time.process_time() - used,
        "mib": _peak_mib() - before,
        "rows": manifest.rows,
        "bytes": sum(file.bytes for file in manifest.files),
        "files": len(manifest.files),
    }
    print(json.dumps(took))
    await connection.close()


# Of each row all its bytes, and of all rows a sum: one that is missing, doubled or different in a bit changes it.
_DIGEST = """
    SELECT count(*), sum(('x' || left(md5(
        convert_to(device_id || metric, 'UTF8') || int8send((extract(epoch FROM ts) * 1000000)::bigint)
        || float8send(value) || int8send((extract(epoch FROM received_at) * 1000000)::bigint)
    ), 15))::bit(60)::bigint)
    FROM sensor_readings
"""


def digest(bucket: Bucket) -> tuple[int, int]:
    """Return what `_DIGEST` says of the database, of the day's files."""
    found = bucket.manifest(manifest_key(DAY.date()))
    if found is None:
        raise RuntimeError("the day is not final: the measurement is void")
    count = total = 0
    for file in found[0].files:
        for table in tables(bucket, file, ["device_id", "metric", "ts", "value", "received_at"]):
            columns = [
                (column.cast(pa.int64()) if column.type == TIME else column).to_pylist() for column in table.columns
            ]
            for device, metric, at, value, received in zip(*columns, strict=True):
                row = f"{device}{metric}".encode() + _PACKED.pack(at, value, received)
                total += int(hashlib.md5(row, usedforsecurity=False).hexdigest()[:15], 16)
            count += table.num_rows
    return count, total


_PACKED = struct.Struct(">qdq")


def _held(process: psutil.Process) -> int:
    """Return the bytes that a process holds alone: code that it maps from files can be let go at any time."""
    memory = process.memory_info()
    return int(memory.rss - getattr(memory, "shared", 0))


def _peak_mib() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (MIB if sys.platform == "darwin" else 1024)


async def read_back(database: TestDatabase, server: KinesisServer, folder: Path, series: int) -> None:
    """Drop the month, and read the day through the API."""
    owner = await database.connect()
    await owner.execute("SELECT drop_partition($1)", f"sensor_readings_y{DAY.year}m{DAY.month:02}")
    await owner.close()
    port = free_port()
    environment = {
        **database.environment("api"),
        **secrets(folder),
        **server.environment(),
        "ARCHIVE_BUCKET": BUCKET,
        "HTTP_PORT": str(port),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "apps.api", env={**_path(), **environment}, stderr=subprocess.DEVNULL
    )
    try:
        await _ask(psutil.Process(process.pid), f"http://127.0.0.1:{port}", series)
    finally:
        process.terminate()
        await process.wait()


async def _ask(process: psutil.Process, url: str, series: int) -> None:
    async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=600) as http:
        await _ready(http)
        before = _held(process)
        peak = before

        async def measure(name: str, ask: Callable[[int], Any], rounds: int) -> None:
            nonlocal peak
            taken = []
            for number in range(rounds):
                began = time.perf_counter()
                await ask(number)
                taken.append(time.perf_counter() - began)
                peak = max(peak, _held(process))
            print(
                f"{name:44} median {statistics.median(taken):7.2f} s, slowest {max(taken):7.2f} s;"
                f" the API's memory grew by {(peak - before) / MIB:.0f} MiB until then"
            )

        async def page(**query: str) -> None:
            answer = await http.get("/api/readings", params={"order": "asc", **query})
            if answer.status_code != 200 or len(answer.json()["items"]) != 100:
                raise RuntimeError(f"{answer.status_code} {answer.text[:200]}: the measurement is void")

        def device(number: int) -> str:
            return f"device-{number * 37 % series + 1:05}"

        async def export(**query: str) -> None:
            nonlocal peak
            sent = 0
            async with http.stream("GET", "/api/readings/export", params=query) as answer:
                async for chunk in answer.aiter_bytes():
                    sent += len(chunk)
                    peak = max(peak, _held(process))
            if answer.status_code != 200 or not sent:
                raise RuntimeError(f"{answer.status_code}: the measurement is void")

        await measure("a page of one device", lambda n: page(device_id=device(n)), 10)
        late = (DAY + timedelta(hours=12)).isoformat()
        await measure("a page of one device from noon on", lambda n: page(device_id=device(n), since=late), 10)
        await measure("a page of all devices", lambda _: page(), 3)
        await measure("an export of one device, Parquet", lambda n: export(device_id=device(n), format="parquet"), 3)
        await measure("an export of all devices, Parquet", lambda _: export(format="parquet"), 1)
        print(f"the API held {before / MIB:.0f} MiB before the first")


async def _ready(http: httpx.AsyncClient) -> None:
    async with asyncio.timeout(120):
        while True:
            try:
                if (await http.get("/ready")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.2)


def _path() -> dict[str, str]:
    """Return what a process of its own finds in its environment, memory as in the services' image."""
    return {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "AWS_EC2_METADATA_DISABLED": "true",
        "MALLOC_ARENA_MAX": "2",
        "ARROW_DEFAULT_MEMORY_POOL": "system",
    }


async def main(readings: int, series: int) -> None:
    """Measure and print."""
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    (folder / "s3").mkdir()
    with ExitStack() as stack:
        server = stack.enter_context(postgres.running_server(folder / "postgres"))
        s3 = start_ministack(folder / "s3")
        stack.callback(s3.stop)
        await postgres.make_template(server)
        database = await postgres.copy_template(server)
        owner = await database.connect()
        await fill(owner, readings, series)
        await owner.close()
        settings = database.environment("archive") | s3.environment() | {"ARCHIVE_BUCKET": BUCKET}
        settings["PUSHGATEWAY_URL"] = "http://127.0.0.1:9"
        # Keys of AWS are no setting: a bucket's client looks for them there.
        os.environ.update(s3.environment())
        bucket = Bucket(load(ArchiveSettings, settings), BUCKET)
        bucket.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        command = [sys.executable, "-m", "bench.archive", "--as-archiver"]
        done = await asyncio.to_thread(
            subprocess.run, command, env={**_path(), **settings}, stdout=subprocess.PIPE, check=True
        )
        took = json.loads(done.stdout)
        print(f"{server.version}: {took['rows']:,} readings of {series} series")
        print(
            f"archived in {took['seconds']:.1f} s, {took['cpu_seconds']:.1f} s of CPU, memory {took['mib']:.0f} MiB;"
            f" {took['files']} files, {took['bytes'] / took['rows']:.1f} bytes a reading"
        )
        owner = await database.connect()
        (held,) = await owner.fetch(_DIGEST, timeout=1800)
        await owner.close()
        if (archived := await asyncio.to_thread(digest, bucket)) != tuple(held):
            raise RuntimeError(f"the database holds {tuple(held)}, the archive {archived}")
        print(f"{held[0]:,} rows and their sum of hashes are the same in the database and in the archive")
        await read_back(database, s3, folder, series)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--readings", type=int, default=10_000_000)
    parser.add_argument("--series", type=int, default=1000)
    parser.add_argument("--as-archiver", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    asyncio.run(archive() if chosen.as_archiver else main(chosen.readings, chosen.series))
