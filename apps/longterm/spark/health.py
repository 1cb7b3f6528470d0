"""What a month says about a device, in the few words that a person looks for."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from apps.longterm.spark.drift import MIN_PEERS

WORDS = ("silent", "gaps", "stuck", "drifting")
SILENT_SECONDS = 86_400
MIN_AVAILABILITY = 0.95
STUCK_SECONDS = 6 * 3600
STUCK_PEERS = 10
MIN_DRIFT_DAYS = 14
MIN_DRIFT_T = 6
DRIFT_PEERS = 3


def judged(series: DataFrame) -> DataFrame:
    """Add `findings` to the month of each series, none where nothing is wrong:

    - `silent`: nothing came in the last day
    - `gaps`: available for less than 95 % of the time
    - `stuck`: said the same for six hours and ten times as long as is usual for its peers
    - `drifting`: moves away from its peers, three times as fast as is usual for them, and steadily

    What is measured against peers needs three devices of one kind.
    """
    peers = series.groupBy("kind", "metric").agg(
        F.count("*").alias("peers"),
        F.percentile_approx("longest_same_seconds", 0.5).alias("usual_same"),
        F.percentile_approx(F.abs("drift"), 0.5).alias("usual_drift"),
    )
    compared = F.col("peers") >= MIN_PEERS
    silent = (F.col("readings") == 0) | (F.col("silent_seconds") > SILENT_SECONDS)
    gaps = F.col("availability") < MIN_AVAILABILITY
    stuck = (
        compared
        & (F.col("longest_same_seconds") >= STUCK_SECONDS)
        & (F.col("longest_same_seconds") > STUCK_PEERS * F.col("usual_same"))
    )
    drifting = (
        compared
        & (F.col("drift_days") >= MIN_DRIFT_DAYS)
        & (F.abs("drift_t") >= MIN_DRIFT_T)
        & (F.abs("drift") > DRIFT_PEERS * F.col("usual_drift"))
    )
    holds = zip(WORDS, (silent, gaps, stuck, drifting), strict=True)
    found = F.filter(F.array(*(F.when(is_so, F.lit(word)) for word, is_so in holds)), _is_there)
    return series.join(peers, ["kind", "metric"]).withColumn("findings", found).drop("usual_same", "usual_drift")


def fleet(series: DataFrame) -> DataFrame:
    """Return a row for each kind: `devices`, `readings`, mean `availability`, and devices with each finding."""
    devices = series.groupBy("kind", "device_id").agg(
        F.sum("readings").alias("readings"),
        F.avg("availability").alias("availability"),
        F.array_distinct(F.flatten(F.collect_list("findings"))).alias("findings"),
    )
    return devices.groupBy("kind").agg(
        F.count("*").alias("devices"),
        F.sum("readings").alias("readings"),
        F.avg("availability").alias("availability"),
        *(F.count_if(F.array_contains("findings", word)).alias(word) for word in WORDS),
    )


def _is_there(word: Column) -> Column:
    return word.isNotNull()
