"""The month of each series: how available it was, what it measured, whether it stood still."""

from datetime import datetime

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

SERIES = ("device_id", "metric")
QUANTILES = {"p01": 0.01, "p05": 0.05, "p50": 0.5, "p95": 0.95, "p99": 0.99}
ACCURACY = 10_000
"""Of quantiles: above so many readings a rank may be off by a ten-thousandth of them."""
GAP_INTERVALS = 5
"""A gap is longer than so many of the intervals that are usual for the series."""


def months_of_series(readings: DataFrame, known: DataFrame | None, since: datetime, until: datetime) -> DataFrame:
    """Return a row for each series of a month.

    `known`: the series of the month before, so that silence at the beginning counts and a series that sent nothing has
    its row; None: there was none. Columns:

    - `kind`: the last one of the month
    - `readings`, `first_ts`, `last_ts`
    - `interval_seconds`: the median distance of two readings; null below two readings
    - `gaps`, `gap_seconds`, `longest_gap_seconds`: of more than GAP_INTERVALS intervals, the one at the end too
    - `silent_seconds`: since the last reading, at the end; since the beginning where there was none
    - `observed_seconds`: since when it could be expected until the end
    - `availability`: the part of `observed_seconds` that is no gap, from 0 to 1
    - `minimum`, `maximum`, `mean`, `deviation`, `p01` to `p99`: of its values
    - `longest_same_seconds`: for how long it said the same at most
    """
    steps = _steps(readings)
    typical = steps.groupBy(*SERIES).agg(F.percentile_approx("step", 0.5, ACCURACY).alias("interval_seconds"))
    figures = (
        steps.join(typical, [*SERIES])
        .groupBy(*SERIES)
        .agg(
            F.max_by("kind", "ts").alias("kind"),
            F.count("*").alias("readings"),
            F.min("ts").alias("first_ts"),
            F.max("ts").alias("last_ts"),
            F.first("interval_seconds").alias("interval_seconds"),
            F.count_if(_is_gap("step")).alias("gaps"),
            F.coalesce(F.sum(F.when(_is_gap("step"), F.col("step"))), F.lit(0.0)).alias("gap_seconds"),
            F.max(F.when(_is_gap("step"), F.col("step"))).alias("longest_gap_seconds"),
            F.min("value").alias("minimum"),
            F.max("value").alias("maximum"),
            F.avg("value").alias("mean"),
            F.stddev_samp("value").alias("deviation"),
            F.percentile_approx("value", list(QUANTILES.values()), ACCURACY).alias("quantiles"),
        )
    )
    joined = figures.join(_longest_same(steps), [*SERIES])
    if known is not None:
        before = known.select(*SERIES, F.col("kind").alias("known_kind"), F.lit(True).alias("known"))
        joined = joined.join(before, [*SERIES], "full")
    else:
        joined = joined.withColumns({"known_kind": F.lit(None).cast("string"), "known": F.lit(False)})
    return _edges(joined, since, until)


def _steps(readings: DataFrame) -> DataFrame:
    """Add the seconds since the reading before, and the number of the run of equal values that a reading belongs to."""
    in_time = Window.partitionBy(*SERIES).orderBy("ts")
    before = F.lag("ts").over(in_time)
    changed = (F.lag("value").over(in_time) != F.col("value")).cast("int")
    return readings.withColumns({"step": _seconds("ts") - _seconds(before), "changed": F.coalesce(changed, F.lit(0))})


def _longest_same(steps: DataFrame) -> DataFrame:
    in_time = Window.partitionBy(*SERIES).orderBy("ts")
    runs = steps.withColumn("run", F.sum("changed").over(in_time)).groupBy(*SERIES, "run")
    lengths = runs.agg((_seconds(F.max("ts")) - _seconds(F.min("ts"))).alias("seconds"))
    return lengths.groupBy(*SERIES).agg(F.max("seconds").alias("longest_same_seconds"))


def _edges(joined: DataFrame, since: datetime, until: datetime) -> DataFrame:
    """Count silence at the beginning, where the series is known, and at the end."""
    begin, end = (F.lit(moment.timestamp()) for moment in (since, until))
    started = F.when(F.coalesce("known", F.lit(False)), begin).otherwise(_seconds("first_ts"))
    head = _seconds("first_ts") - started
    tail = end - F.coalesce(_seconds("last_ts"), begin)
    edges = {"head": head, "tail": tail}
    joined = joined.withColumns({**edges, "observed_seconds": end - started})
    silent = F.col("readings").isNull()
    lost = {name: F.when(_is_gap(name) | (silent & F.lit(name == "tail")), F.col(name)) for name in edges}
    gap_seconds = sum((F.coalesce(part, F.lit(0.0)) for part in lost.values()), F.coalesce("gap_seconds", F.lit(0.0)))
    gaps = sum((part.isNotNull().cast("long") for part in lost.values()), F.coalesce("gaps", F.lit(0)))
    longest = F.greatest("longest_gap_seconds", *lost.values())
    return joined.select(
        F.coalesce("kind", "known_kind").alias("kind"),
        *SERIES,
        F.coalesce("readings", F.lit(0)).alias("readings"),
        "first_ts",
        "last_ts",
        "interval_seconds",
        gaps.alias("gaps"),
        gap_seconds.alias("gap_seconds"),
        F.coalesce(longest, F.lit(0.0)).alias("longest_gap_seconds"),
        F.col("tail").alias("silent_seconds"),
        "observed_seconds",
        F.when(F.col("observed_seconds") > 0, F.greatest(F.lit(0.0), 1 - gap_seconds / F.col("observed_seconds")))
        .otherwise(1.0)
        .alias("availability"),
        *("minimum", "maximum", "mean", "deviation"),
        *(F.element_at("quantiles", at).alias(name) for at, name in enumerate(QUANTILES, start=1)),
        F.coalesce("longest_same_seconds", F.lit(0.0)).alias("longest_same_seconds"),
    )


def _is_gap(column: str) -> Column:
    return F.col(column) > F.col("interval_seconds") * GAP_INTERVALS


def _seconds(column: Column | str) -> Column:
    """Return a time as seconds since 1970, to the microsecond."""
    return F.unix_micros(F.col(column) if isinstance(column, str) else column) / F.lit(1e6)
