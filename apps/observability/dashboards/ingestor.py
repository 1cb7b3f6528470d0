"""Ingestor Lag: from the gateway through Kinesis into the database."""

from fractions import Fraction

from apps.gateway.metrics import PUTS, READINGS_ACCEPTED, READINGS_REJECTED, RECORDS_FAILED, RECORDS_RETRIED
from apps.ingestor.metrics import (
    BATCH_LAG,
    BEHIND_LATEST,
    COMMIT_ROWS,
    COMMIT_SECONDS,
    DELIVERY_SECONDS,
    FENCED_WRITES,
    KINESIS_ERRORS,
    LEASES,
    RECORDS,
    REJECTS,
    RESTARTS,
    UNREAD_SHARDS,
)
from apps.observability.alerts import LAG_BOUND
from apps.observability.dashboards.panels import Dashboard, Panel, Query, Unit
from apps.observability.objectives import DELIVERY_BOUND
from apps.platform.promql import (
    RATE_INTERVAL,
    histogram_count,
    histogram_quantile,
    histogram_sum,
    max_,
    rate,
    sum_,
    value,
)

INGESTOR_LAG = Dashboard(
    uid="ingestor-lag",
    title="Ingestor Lag",
    panels=(
        Panel(
            title="Lag from Kinesis to the database",
            queries=(
                Query(value(BATCH_LAG), "{{shard_id}}: age of what is not stored"),
                Query(value(BEHIND_LATEST), "{{shard_id}}: behind the end of the shard"),
            ),
            unit=Unit.SECONDS,
            red_above=LAG_BOUND,
        ),
        Panel(
            title="From the gateway's receipt to the commit",
            queries=tuple(
                Query(
                    histogram_quantile(Fraction(percent, 100), DELIVERY_SECONDS, RATE_INTERVAL), f"{percent} % within"
                )
                for percent in (50, 95, 99)
            ),
            unit=Unit.SECONDS,
            red_above=DELIVERY_BOUND,
        ),
        Panel(
            title="Readings",
            queries=(
                Query(sum_(rate(READINGS_ACCEPTED, RATE_INTERVAL)), "accepted by the gateway"),
                Query(sum_(rate(RECORDS, RATE_INTERVAL), by=("outcome",)), "{{outcome}}"),
            ),
            unit=Unit.RATE,
        ),
        Panel(
            title="What could not be taken",
            queries=(
                Query(sum_(rate(READINGS_REJECTED, RATE_INTERVAL), by=("fault",)), "refused by the gateway: {{fault}}"),
                Query(sum_(rate(REJECTS, RATE_INTERVAL), by=("cause",)), "rejected by the ingestor: {{cause}}"),
            ),
            unit=Unit.RATE,
        ),
        Panel(
            title="Time of a write",
            queries=tuple(
                Query(histogram_quantile(Fraction(percent, 100), COMMIT_SECONDS, RATE_INTERVAL), f"{percent} % within")
                for percent in (50, 99)
            ),
            unit=Unit.SECONDS,
        ),
        Panel(
            title="Readings of a write",
            queries=(
                Query(
                    sum_(rate(histogram_sum(COMMIT_ROWS), RATE_INTERVAL))
                    / sum_(rate(histogram_count(COMMIT_ROWS), RATE_INTERVAL)),
                    "on average",
                ),
            ),
        ),
        Panel(
            title="Shards",
            queries=(
                Query(sum_(value(LEASES), by=("instance",)), "read by {{instance}}"),
                Query(max_(value(UNREAD_SHARDS)), "read by nobody"),
            ),
        ),
        Panel(
            title="Faults that were survived",
            queries=(
                Query(sum_(rate(RESTARTS, RATE_INTERVAL), by=("error",)), "shard restarted: {{error}}"),
                Query(sum_(rate(KINESIS_ERRORS, RATE_INTERVAL), by=("operation", "code")), "{{operation}}: {{code}}"),
                Query(sum_(rate(FENCED_WRITES, RATE_INTERVAL)), "write fenced off"),
            ),
            unit=Unit.RATE,
        ),
        Panel(
            title="PutRecords by outcome",
            queries=(Query(sum_(rate(PUTS, RATE_INTERVAL), by=("outcome",)), "{{outcome}}"),),
            unit=Unit.RATE,
        ),
        Panel(
            title="Records that the stream did not take at once",
            queries=(
                Query(sum_(rate(RECORDS_RETRIED, RATE_INTERVAL), by=("code",)), "put again: {{code}}"),
                Query(sum_(rate(RECORDS_FAILED, RATE_INTERVAL)), "given up: the device sends again"),
            ),
            unit=Unit.RATE,
        ),
    ),
)
