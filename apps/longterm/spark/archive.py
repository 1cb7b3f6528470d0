"""The archive as Spark reads it: a day is what its manifest names, and nothing else."""

from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from apps.longterm.spark.calendar import first_moment, following
from apps.longterm.spark.errors import ArchiveMissingError, UnknownSchemaError

SCHEMA_VERSION = 1
"""Of the archive's files: what this release reads."""

_MANIFEST = "day STRING, rows BIGINT, schema_version INT, files ARRAY<STRUCT<key: STRING>>"


class Month(NamedTuple):
    """The final days of a month: how many readings they hold, when the last of them ends, the files that they are."""

    name: str
    rows: int
    until: datetime
    files: tuple[str, ...]

    @property
    def since(self) -> datetime:
        """When the month begins."""
        return first_moment(self.name)

    @property
    def is_complete(self) -> bool:
        """Whether its last day is final: until then there is no report of it."""
        return self.until == first_moment(following(self.name))


def months(spark: SparkSession, archive: str) -> list[Month]:
    """Return every month of which a day is final, oldest first.

    `archive`: a folder, or a bucket as `s3://NAME`. Raises ArchiveMissingError where nothing is final, and
    UnknownSchemaError where a later release wrote what this one cannot read.
    """
    try:
        found = spark.read.schema(_MANIFEST).option("multiLine", True).json(f"{archive}/manifests/day=????-??-??.json")
    except AnalysisException as error:
        if error.getCondition() != "PATH_NOT_FOUND":
            raise
        raise ArchiveMissingError(f"no day is final in {archive}: let `python -m apps.archive` run first") from None
    days = sorted(found.select("day", "rows", "schema_version", "files.key").collect())
    if newer := {day.schema_version for day in days if day.schema_version > SCHEMA_VERSION}:
        raise UnknownSchemaError(
            f"days of {archive} are of schema version {max(newer)}, and this release reads {SCHEMA_VERSION}: "
            "deploy a newer one"
        )
    by_name: dict[str, Month] = {}
    for day in days:
        name = day.day[:7]
        before = by_name.get(name, Month(name, 0, first_moment(name), ()))
        ends = datetime.combine(date.fromisoformat(day.day) + timedelta(days=1), datetime.min.time(), UTC)
        by_name[name] = Month(name, before.rows + day.rows, ends, (*before.files, *day.key))
    return list(by_name.values())


def readings(spark: SparkSession, archive: str, month: Month) -> DataFrame:
    """Return the readings of a month: `kind`, `device_id`, `metric`, `ts`, `value`."""
    files = [f"{archive}/{file}" for file in month.files]
    return (
        spark.read.option("basePath", f"{archive}/readings/")
        .parquet(*files)
        .select("kind", "device_id", "metric", F.col("ts").cast("timestamp").alias("ts"), "value")
    )
