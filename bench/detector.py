"""How fast the detector is, and how large its state is: `python -m bench.detector [--sensors N]`."""

import argparse
import asyncio
import json
import random
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from apps.detector.baseline import ZScore
from apps.detector.models import Model, Point
from apps.detector.rarity import Rarity
from apps.detector.sensor_scan import ALLOWED_LATENESS_SECONDS, scan_sensors
from tests.support import postgres

POINTS = 50_000
POINT_SECONDS = 300
DAY = 86_400


def measure_model(model: type[Model]) -> None:
    source = random.Random(1)
    points = [Point.of(index * POINT_SECONDS, source.gauss(20, 3)) for index in range(POINTS)]
    fresh = model()
    started = time.process_time()
    for point in points:
        fresh.update(point)
    seconds = time.process_time() - started
    size = len(json.dumps(fresh.state_dict()))
    print(f"{model.name}: {seconds / POINTS * 1e6:.1f} s of CPU per million points, {size} bytes of state per signal")


async def measure_sensors(sensors: int) -> None:
    with postgres.running_server(Path(tempfile.mkdtemp(prefix="bench-detector-"))) as server:
        await postgres.make_template(server)
        database = await postgres.copy_template(server)
        owner, detector = await database.connect(), await database.connect("detector")
        for days in (-1, 0):
            await owner.execute("SELECT ensure_partition(now() + $1 * interval '1 day')", days)
        end = (datetime.now(UTC).timestamp() - ALLOWED_LATENESS_SECONDS) // POINT_SECONDS * POINT_SECONDS
        await fill(owner, sensors, end - POINT_SECONDS)
        await measure_run(detector, f"first run, {sensors} sensors with a day of history")
        await owner.execute(
            "INSERT INTO readings_minute "
            "SELECT device_id, metric, to_timestamp($1), 1, 20, 20, 20 FROM latest_readings",
            end - POINT_SECONDS,
        )
        await measure_run(detector, f"next run, {sensors} sensors with a new point each")
        size = await owner.fetchval("SELECT pg_total_relation_size('detector_memory')")
        print(f"detector_memory: {size / sensors:.0f} bytes per sensor on disk")


async def fill(owner: asyncpg.Connection, sensors: int, end: float) -> None:
    await owner.execute(
        """
        INSERT INTO readings_minute
        SELECT 'device-' || device, 'temperature', to_timestamp($2) - minute * interval '1 minute',
               1, value, value, value
        FROM generate_series(1, $1) AS device, generate_series(1, 1440) AS minute,
             LATERAL (SELECT 20 + sin(minute / 229.0) + random() * device / device AS value) AS measured
        """,
        sensors,
        end,
    )
    await owner.execute(
        "INSERT INTO latest_readings SELECT 'device-' || device, 'temperature', to_timestamp($2), 20, now() "
        "FROM generate_series(1, $1) AS device",
        sensors,
        end,
    )
    await owner.execute("ANALYZE")


async def measure_run(detector: asyncpg.Connection, what: str) -> None:
    started, used = time.perf_counter(), time.process_time()
    scan = await scan_sensors(detector, POINT_SECONDS, lambda: True)
    seconds, cpu = time.perf_counter() - started, time.process_time() - used
    print(f"{what}: {seconds:.1f} s, of them {cpu:.1f} s of CPU here ({scan.judged} judged)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sensors", type=int, default=1000, help="default: %(default)s")
    options = parser.parse_args()
    measure_model(Rarity)
    measure_model(ZScore)
    asyncio.run(measure_sensors(options.sensors))


if __name__ == "__main__":
    main()
