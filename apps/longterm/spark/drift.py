"""How far a device moves away from its peers: those of its kind that measure the same."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from apps.longterm.spark.series import ACCURACY, SERIES

MIN_PEERS = 3
"""Devices of one kind that measure the same on one day: with fewer there is nothing to compare with."""


def drifts(readings: DataFrame) -> DataFrame:
    """Return the drift of each series against its peers, where it can be told.

    The offset of a day is the device's median minus the median of its peers' medians. Columns:

    - `drift_days`: days with an offset
    - `drift`: slope of the least-squares line through the offsets, in units per 30 days
    - `drift_t`: the slope by its standard error, r * sqrt((n - 2) / (1 - r^2))
    """
    day = F.date_diff(F.to_date("ts"), F.lit("1970-01-01").cast("date"))
    medians = readings.groupBy("kind", *SERIES, day.alias("day")).agg(
        F.percentile_approx("value", 0.5, ACCURACY).alias("median")
    )
    peers = (
        medians.groupBy("kind", "metric", "day")
        .agg(F.percentile_approx("median", 0.5, ACCURACY).alias("usual"), F.count("*").alias("peers"))
        .where(F.col("peers") >= MIN_PEERS)
    )
    offsets = medians.join(peers, ["kind", "metric", "day"]).withColumn("offset", F.col("median") - F.col("usual"))
    lines = offsets.groupBy(*SERIES).agg(
        F.count("*").alias("drift_days"),
        (F.regr_slope("offset", "day") * 30).alias("drift"),
        F.regr_r2("offset", "day").alias("r2"),
    )
    free = F.col("drift_days") - 2
    tightness = F.sqrt(F.col("r2") * free / F.greatest(1 - F.col("r2"), F.lit(1e-12)))
    return lines.where(free > 0).select(
        *SERIES, "drift_days", "drift", (F.signum("drift") * tightness).alias("drift_t")
    )
