"""`python -m apps.longterm.spark`, or this file as EMR's entry point: make the reports that are due."""

import argparse
import sys
from collections.abc import Sequence

from pyspark.sql import SparkSession

from apps.longterm.spark.errors import LongTermError
from apps.longterm.spark.reports import make_due

SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    # A kind that is called 12 stays text.
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
    # As UTC, which other readers than Spark see too.
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    # Small partitions are put together to so many bytes, which is about a million readings.
    "spark.sql.adaptive.advisoryPartitionSizeInBytes": "16m",
}
LOCAL = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the reports that are due and return the exit code."""
    options = _parser().parse_args(arguments)
    spark = session(options.master)
    try:
        for report in make_due(spark, options.archive, options.results or options.archive):
            print(
                f"{report.month}\t{report.readings:,} readings\t{report.series:,} series\t{report.seconds:.0f} s",
                flush=True,
            )
    except LongTermError as error:
        print(f"longterm: {error}", file=sys.stderr)
        return 1
    finally:
        spark.stop()
    return 0


def session(master: str | None = None) -> SparkSession:
    """Return a session that reads times as UTC; `master`: where it runs, unless whoever submits says it."""
    builder = SparkSession.builder.appName("longterm")
    for name, value in {**SETTINGS, **(LOCAL if master else {})}.items():
        builder = builder.config(name, value)
    spark = (builder.master(master) if master else builder).getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m apps.longterm.spark",
        description="Makes the reports of every month that is over, of which the archive holds other readings than its "
        "report says. Exit code: 0 all are there, 1 something failed.",
    )
    parser.add_argument("--archive", required=True, metavar="PLACE", help="a folder, or a bucket as s3://NAME")
    parser.add_argument("--results", metavar="PLACE", help="where reports are written; beside the archive")
    parser.add_argument(
        "--master", metavar="URL", help="local[2]: in this process, with two threads; as it was submitted"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
