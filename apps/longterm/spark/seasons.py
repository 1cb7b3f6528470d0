"""What is usual at each hour of the week."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from apps.longterm.spark.series import ACCURACY, SERIES


def seasons(readings: DataFrame) -> DataFrame:
    """Return a row for each series and hour of the week: `hour_of_week` (0: Monday, midnight UTC, to 167), `readings`,
    `p10`, `p50`, `p90`.
    """
    hour = F.weekday("ts") * 24 + F.hour("ts")
    grouped = readings.groupBy(*SERIES, hour.alias("hour_of_week")).agg(
        F.count("*").alias("readings"), F.percentile_approx("value", [0.1, 0.5, 0.9], ACCURACY).alias("quantiles")
    )
    quantiles = (F.element_at("quantiles", at).alias(name) for at, name in enumerate(("p10", "p50", "p90"), start=1))
    return grouped.select(*SERIES, "hour_of_week", "readings", *quantiles)
