"""Seconds, memory and shuffled bytes that the reports of a month take in a local Spark session.

    python -m bench.longterm [--readings N ...] [--threads N] [--memory 4g]

Each archive is made up in a temporary folder: a reading a minute of as many devices as it takes, as Parquet by day and
kind. The reference of the same run is Spark counting the rows: what reading them takes alone. Seconds of processors are
what a machine is billed by, and are the same beside other work.
"""

import argparse
import json
import os
import tempfile
import threading
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psutil
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from apps.longterm.spark.__main__ import session
from apps.longterm.spark.archive import months, readings
from apps.longterm.spark.reports import make
from devtools import java

MONTH = [date(2026, 10, 1) + timedelta(days=day) for day in range(31)]
MINUTES = 1440
KINDS = 4


def main() -> None:
    """Print a row for each number of readings."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readings", type=int, nargs="+", default=[10**6, 10**7])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", default="4g", help="heap of the Java process")
    options = parser.parse_args()
    print("readings\tseries\tMB of Parquet\ts to count\ts to report\tratio\tCPU s to report\tpeak MiB\tshuffled MB")
    for wanted in options.readings:
        with tempfile.TemporaryDirectory(prefix="longterm-") as folder:
            spark = _session(options.threads, options.memory)
            try:
                _measure(spark, Path(folder), wanted)
            finally:
                spark.stop()


def _measure(spark: SparkSession, folder: Path, wanted: int) -> None:
    devices = max(1, wanted // (len(MONTH) * MINUTES))
    size = write(spark, folder, devices)
    (month,) = months(spark, str(folder))
    begun = time.monotonic()
    count = readings(spark, str(folder), month).agg(F.sum("value"), F.count("*")).first()
    counting = time.monotonic() - begun
    with Peak() as peak:
        report = make(spark, str(folder), str(folder), month)
    assert count is not None
    print(
        f"{report.readings}\t{report.series}\t{size / 1e6:.0f}\t{counting:.1f}\t{report.seconds:.1f}\t"
        f"{report.seconds / counting:.1f}\t{peak.cpu_seconds:.0f}\t{peak.mib:.0f}\t{_shuffled(spark) / 1e6:.0f}",
        flush=True,
    )


def write(spark: SparkSession, folder: Path, devices: int) -> int:
    """Write a month of readings and its manifests, and return the bytes of the files."""
    total = 0
    for day in MONTH:
        start = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
        rows = spark.range(devices * MINUTES).select(
            F.concat(F.lit("device-"), F.floor(F.col("id") / MINUTES).cast("string")).alias("device_id"),
            F.lit("temperature").alias("metric"),
            F.timestamp_seconds(F.lit(start) + (F.col("id") % MINUTES) * 60).alias("ts"),
            F.round(F.randn(day.day) + 20, 2).alias("value"),
            F.concat(F.lit("kind-"), (F.floor(F.col("id") / MINUTES) % KINDS).cast("string")).alias("kind"),
        )
        partition = folder / "readings" / f"day={day}"
        rows.repartition(KINDS, "kind").write.partitionBy("kind").parquet(str(partition), compression="zstd")
        files = sorted(partition.rglob("*.parquet"))
        total += sum(file.stat().st_size for file in files)
        manifest = {
            "day": str(day),
            "rows": devices * MINUTES,
            "schema_version": 1,
            "files": [{"key": str(file.relative_to(folder)), "rows": 0} for file in files],
        }
        (folder / "manifests").mkdir(exist_ok=True)
        (folder / "manifests" / f"day={day}.json").write_text(json.dumps(manifest))
    return total


class Peak:
    """The most memory that this process and its children held while it was open, in MiB, and what they computed."""

    def __init__(self) -> None:
        self.mib = self.cpu_seconds = 0.0
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._sample)

    def __enter__(self) -> "Peak":
        self.cpu_seconds = -_cpu_seconds()
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watch.join()
        self.cpu_seconds += _cpu_seconds()

    def _sample(self) -> None:
        own = psutil.Process()
        while not self._over.wait(0.2):
            held = 0
            for process in (own, *own.children(recursive=True)):
                try:
                    held += process.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            self.mib = max(self.mib, held / 2**20)


def _cpu_seconds() -> float:
    own = psutil.Process()
    return sum(sum(process.cpu_times()[:2]) for process in (own, *own.children(recursive=True)))


def _session(threads: int, memory: str) -> SparkSession:
    os.environ["JAVA_HOME"] = str(java.home())
    os.environ["PYSPARK_SUBMIT_ARGS"] = (
        f"--driver-memory {memory} --conf spark.ui.showConsoleProgress=false pyspark-shell"
    )
    return session(f"local[{threads}]")


def _shuffled(spark: SparkSession) -> int:
    store = spark.sparkContext._jsc.sc().statusStore()
    executors = store.executorList(True)
    return sum(int(executors.apply(at).totalShuffleWrite()) for at in range(executors.size()))


if __name__ == "__main__":
    main()
