"""The reports of a month, as Parquet beside the archive: `reports/<name>/month=2026-11/`.

A report is there when its `fleet` is, which is written last and says how many readings it is of. It is made again when
the archive holds another number: a day got late readings, or a device was forgotten.
"""

import logging
import time
from collections.abc import Iterator
from typing import NamedTuple

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from apps.longterm.spark.archive import Month, months, readings
from apps.longterm.spark.calendar import preceding
from apps.longterm.spark.drift import drifts
from apps.longterm.spark.health import fleet, judged
from apps.longterm.spark.seasons import seasons
from apps.longterm.spark.series import SERIES, months_of_series

log = logging.getLogger(__name__)

PARTITION_READINGS = 1_000_000
"""Of a shuffle: a task sorts its partition several times over in the gigabyte or two that it has of a worker's heap."""
MIN_PARTITIONS = 16


class MadeReports(NamedTuple):
    """A month whose reports were made: of how many readings and series, in how many seconds."""

    month: str
    readings: int
    series: int
    seconds: float


def make_due(spark: SparkSession, archive: str, results: str) -> Iterator[MadeReports]:
    """Make the reports of every month that is over and has none, or one of other readings; oldest first.

    `archive`, `results`: a folder, or a bucket as `s3://NAME`. Raises LongTermError.
    """
    for month in months(spark, archive):
        if month.is_complete and _reported(spark, results, month.name) != month.rows:
            yield make(spark, archive, results, month)


def make(spark: SparkSession, archive: str, results: str, month: Month) -> MadeReports:
    """Make the reports of a month, each by replacing the one that was there."""
    begun = time.monotonic()
    spark.conf.set("spark.sql.shuffle.partitions", max(MIN_PARTITIONS, month.rows // PARTITION_READINGS))
    rows = readings(spark, archive, month)
    _write(_series(spark, rows, results, month), results, "series", month.name, files=1)
    _write(seasons(rows), results, "seasons", month.name, files=8)
    series = spark.read.parquet(_folder(results, "series", month.name))
    of_fleet = fleet(series).withColumn("archived_readings", F.lit(month.rows))
    _write(of_fleet, results, "fleet", month.name, files=1)
    return MadeReports(month.name, month.rows, series.count(), time.monotonic() - begun)


def _series(spark: SparkSession, rows: DataFrame, results: str, month: Month) -> DataFrame:
    before = _read(spark, results, "series", preceding(month.name))
    known = before.where(F.col("readings") > 0) if before is not None else None
    series = months_of_series(rows, known, month.since, month.until)
    return judged(series.join(drifts(rows), [*SERIES], "left"))


def _reported(spark: SparkSession, results: str, month: str) -> int | None:
    """Return of how many readings the report of a month is; None: it was never made."""
    found = _read(spark, results, "fleet", month)
    first = found.first() if found is not None else None
    return int(first["archived_readings"]) if first else None


def _read(spark: SparkSession, results: str, report: str, month: str) -> DataFrame | None:
    try:
        return spark.read.parquet(_folder(results, report, month))
    except AnalysisException as error:
        # A run that was ended left a folder without a file, or none.
        if error.getCondition() in {"PATH_NOT_FOUND", "UNABLE_TO_INFER_SCHEMA"}:
            return None
        raise


def _write(frame: DataFrame, results: str, report: str, month: str, files: int) -> None:
    frame.coalesce(files).write.mode("overwrite").parquet(_folder(results, report, month))


def _folder(results: str, report: str, month: str) -> str:
    return f"{results}/reports/{report}/month={month}"
