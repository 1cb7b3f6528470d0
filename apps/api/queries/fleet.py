"""The fleet at a glance: devices by what is wrong with them, by name or by value, with what is known of each.

`latest_readings` and the unresolved alerts are summed up by device, once a query: some ten thousand devices take tens
of milliseconds, and no column has to be kept up with what the ingestor writes.
"""

from datetime import datetime
from typing import Literal, NamedTuple

import msgspec

from apps.api.database import Database, Row
from apps.api.queries.devices import ACTIVE_WITHIN
from apps.api.queries.sql import Labels, QueryParams, all_of, seen_with
from apps.domain.alerts import Severity
from apps.domain.devices import Device, DeviceId
from apps.domain.text import in_any_case
from apps.storage.tables import IS_UNRESOLVED

DeviceState = Literal["live", "silent", "new"]
"""Silent: its newest reading is older than it may be. New: it never sent one."""

Sort = Literal["trouble", "name", "-name", "kind", "-kind", "last_seen", "-last_seen", "value", "-value"]

SILENT_AFTER = "silent_after_seconds"
"""The attribute by which a device says how old its newest reading may be; without it, `ACTIVE_WITHIN` holds."""

TROUBLE = """CASE WHEN unattended > 0 AND severity >= 2 THEN 3 + severity WHEN state = 'silent' THEN 4
    WHEN unattended > 0 THEN 3 WHEN open_alerts > 0 THEN 2 WHEN state = 'new' THEN 1 ELSE 0 END"""
"""How much is wrong with a device, in SQL that other databases read too. `severity` is 0 without alerts, 3 if critical.

What nobody looks after and is bad comes first, then silence, then what somebody looks after already.
"""

MAX_FACETS = 50
"""Most kinds, labels and metrics that are counted, the most frequent first."""


class SparkPoint(msgspec.Struct, frozen=True, array_like=True):
    """One minute of a series, as an array: its start in seconds since 1970, average, lowest, highest, count."""

    at: int
    avg: float
    min: float
    max: float
    count: int


class FleetReading(msgspec.Struct, frozen=True):
    """The newest reading of a metric, and the minutes before it where they were asked for."""

    metric: str
    ts: datetime
    value: float
    received_at: datetime
    spark: list[SparkPoint]


class FleetDevice(Device, frozen=True, kw_only=True):
    """A device with what it measured last and what is wrong with it."""

    state: DeviceState
    open_alerts: int
    """Alerts about it that are not resolved."""
    worst: Severity | None
    """The severity of the worst of them."""
    readings: list[FleetReading]


class FleetFilter(NamedTuple):
    """Which devices are wanted; None stands for all."""

    words: tuple[str, ...] = ()
    """Each stands somewhere in the id, the name, the kind, a label, a metric or the state, in any case."""
    device_ids: tuple[str, ...] | None = None
    kind: str | None = None
    label: str | None = None
    metric: str | None = None
    state: DeviceState | Literal["alerting"] | None = None
    located: bool = False
    """Only devices whose attributes hold `latitude` and `longitude`."""


class FleetKey(NamedTuple):
    """What the fleet is sorted by: the value that the sort looks at, then the id."""

    value: str | float
    device_id: DeviceId


class FacetCount(NamedTuple):
    """How many devices have a value of a facet (`total`, `state`, `kind`, `label`, `metric`)."""

    facet: str
    value: str
    devices: int


class FleetRow(NamedTuple):
    """A device and the key that it is sorted by."""

    key: FleetKey
    device: FleetDevice


async def find(
    database: Database,
    wanted: FleetFilter,
    sort: Sort,
    limit: int,
    after: FleetKey | None,
    spark_minutes: int,
    labels: Labels,
) -> list[FleetRow]:
    """Return at most `limit` devices in the order of `sort`, those without a value to sort by last."""
    values = QueryParams()
    conditions = list(_conditions(values, wanted).values())
    descending = sort.startswith("-") or sort == "trouble"
    key = _sort_key(values, sort, wanted.metric)
    if after is not None:
        value, device_id = values.bind(after.value), values.bind(after.device_id)
        value = f"{value}::{'text' if isinstance(after.value, str) else 'float8'}"
        beyond = "<" if descending else ">"
        conditions.append(f"({key} {beyond} {value} OR ({key} = {value} AND device_id > {device_id}))")
    query = f"""
        {_fleet(values, labels)} SELECT *, {key} AS key, now() AS now FROM fleet WHERE {all_of(conditions)}
        ORDER BY key {"DESC" if descending else "ASC"}, device_id LIMIT {values.bind(limit)}
    """  # noqa: S608
    async with database.connection() as connection:
        rows = await connection.fetch(query, *values)
        readings = await connection.fetch(_READINGS, [row["device_id"] for row in rows], spark_minutes)
    by_device: dict[str, list[FleetReading]] = {}
    for row in readings:
        spark = [SparkPoint(*point) for point in row["spark"] or ()]
        reading = FleetReading(row["metric"], row["ts"], row["value"], row["received_at"], spark)
        by_device.setdefault(row["device_id"], []).append(reading)
    return [
        FleetRow(FleetKey(row["key"], row["device_id"]), _device(row, by_device.get(row["device_id"], [])))
        for row in rows
    ]


async def count(database: Database, wanted: FleetFilter, labels: Labels) -> list[FacetCount]:
    """Count the devices by facet. `total` counts the whole fleet by state; every other facet counts what the filters
    leave, but for the one on that facet itself: what one would see by choosing another value.
    """
    values = QueryParams()
    conditions = _conditions(values, wanted)

    def others(facet: str) -> str:
        return all_of(f"by_{name}" for name in conditions if name != facet)

    flags = "".join(f", ({condition}) IS TRUE AS by_{name}" for name, condition in conditions.items())
    top = f"GROUP BY 2 ORDER BY 3 DESC, 2 LIMIT {MAX_FACETS}"
    query = f"""
        {_fleet(values, labels)}, counted AS MATERIALIZED (
            SELECT state, kind, labels, metrics, open_alerts > 0 AS alerting, {_LOCATED} AS located{flags} FROM fleet
        ), by_state AS (
            SELECT state, count(*) AS total, count(*) FILTER (WHERE {others("state")}) AS shown,
                count(*) FILTER (WHERE alerting AND {others("state")}) AS alerting,
                count(*) FILTER (WHERE located AND {others("located")}) AS located,
                count(*) FILTER (WHERE {others("")}) AS matching
            FROM counted GROUP BY state
        )
        SELECT 'total' AS facet, state AS value, total AS count FROM by_state
        UNION ALL SELECT 'state', state, shown FROM by_state WHERE shown > 0
        UNION ALL SELECT 'state', 'alerting', coalesce(sum(alerting), 0)::bigint FROM by_state
        UNION ALL SELECT 'located', 'located', coalesce(sum(located), 0)::bigint FROM by_state
        UNION ALL SELECT 'matching', 'matching', coalesce(sum(matching), 0)::bigint FROM by_state
        UNION ALL (SELECT 'kind', kind, count(*) FROM counted WHERE {others("kind")} {top})
        UNION ALL (SELECT 'label', label, count(*) FROM counted, unnest(labels) label WHERE {others("label")} {top})
        UNION ALL (SELECT 'metric', metric, count(*) FROM counted, unnest(metrics) metric
            WHERE {others("metric")} {top})
    """  # noqa: S608
    async with database.connection() as connection:
        return [FacetCount(*row) for row in await connection.fetch(query, *values)]


def _conditions(values: QueryParams, wanted: FleetFilter) -> dict[str, str]:
    """Return the conditions on a row of the fleet by the facet that they filter."""
    found: dict[str, str] = {}
    if wanted.words:
        found["text"] = all_of(f"described ~ {values.bind(in_any_case(word))}" for word in wanted.words)
    if wanted.device_ids is not None:
        found["id"] = f"device_id = ANY({values.bind(list(wanted.device_ids))}::text[])"
    if wanted.kind is not None:
        found["kind"] = f"kind = {values.bind(wanted.kind)}"
    if wanted.label is not None:
        found["label"] = f"{values.bind(wanted.label)} = ANY(labels)"
    if wanted.metric is not None:
        found["metric"] = f"{values.bind(wanted.metric)} = ANY(metrics)"
    if wanted.state is not None:
        found["state"] = "open_alerts > 0" if wanted.state == "alerting" else f"state = {values.bind(wanted.state)}"
    if wanted.located:
        found["located"] = _LOCATED
    return found


def _fleet(values: QueryParams, labels: Labels) -> str:
    """Return the beginning of a query of `fleet`: the devices that are seen."""
    seen = all_of(seen_with(values, labels, "device_id"))
    return f"{_DEVICES}, fleet AS (SELECT *, {_DESCRIBED} AS described FROM joined WHERE {seen})"  # noqa: S608


def _sort_key(values: QueryParams, sort: Sort, metric: str | None) -> str:
    if sort == "trouble":
        return f"({TROUBLE})::float8"
    nothing = "'-Infinity'::float8" if sort.startswith("-") else "'Infinity'::float8"
    match sort.removeprefix("-"):
        case "name":
            return "lower(coalesce(name, device_id))"
        case "kind":
            return "kind"
        case "last_seen":
            return f"coalesce(extract(epoch FROM last_seen_at)::float8, {nothing})"
    chosen = "main_metric" if metric is None else values.bind(metric)
    newest = "SELECT value FROM latest_readings l WHERE l.device_id = fleet.device_id AND l.metric = "
    return f"coalesce(({newest}{chosen}), {nothing})"


def _device(row: Row, readings: list[FleetReading]) -> FleetDevice:
    seen_at = row["last_seen_at"]
    return FleetDevice(
        device_id=row["device_id"],
        kind=row["kind"],
        name=row["name"],
        labels=tuple(row["labels"]),
        attributes=msgspec.json.decode(row["attributes"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        last_seen_at=seen_at,
        active=seen_at is not None and row["now"] - seen_at <= ACTIVE_WITHIN,
        state=row["state"],
        open_alerts=row["open_alerts"],
        worst=_SEVERITIES[row["severity"]],
        readings=sorted(readings, key=lambda reading: (reading.metric != row["main_metric"], reading.metric)),
    )


_SEVERITIES = (None, Severity.INFO, Severity.WARNING, Severity.CRITICAL)

# A device's own metric is the one that its kind is named after, or else the first by name.
_DEVICES = f"""
    WITH newest AS (
        SELECT device_id, max(ts) AS last_seen_at, array_agg(metric) AS metrics, min(metric) AS first_metric
        FROM latest_readings GROUP BY device_id
    ), unresolved AS (
        SELECT coalesce(device_id, split_part(source, '/', 1)) AS device_id, count(*) AS alerts,
            count(*) FILTER (WHERE state = 'open') AS unattended,
            max(array_position(ARRAY['info', 'warning', 'critical'], severity)) AS severity
        FROM alerts WHERE {IS_UNRESOLVED} GROUP BY 1
    ), joined AS (
        SELECT devices.*, last_seen_at, coalesce(metrics, '{{}}') AS metrics,
            CASE WHEN kind = ANY(metrics) THEN kind ELSE first_metric END AS main_metric,
            coalesce(alerts, 0) AS open_alerts, coalesce(unattended, 0) AS unattended,
            coalesce(severity, 0) AS severity,
            CASE WHEN last_seen_at IS NULL THEN 'new'
                WHEN extract(epoch FROM now() - last_seen_at) >
                    CASE WHEN jsonb_typeof(attributes -> '{SILENT_AFTER}') = 'number'
                    THEN (attributes ->> '{SILENT_AFTER}')::float8 ELSE {ACTIVE_WITHIN.total_seconds()} END
                THEN 'silent' ELSE 'live' END AS state
        FROM devices LEFT JOIN newest USING (device_id) LEFT JOIN unresolved USING (device_id)
    )
"""  # noqa: S608

_DESCRIBED = "concat_ws(' ', device_id, name, kind, array_to_string(labels, ' '), array_to_string(metrics, ' '), state)"

_LOCATED = (
    """(jsonb_typeof(attributes -> 'latitude') = 'number' AND jsonb_typeof(attributes -> 'longitude') = 'number')"""
)

# Each series asks for its own minutes by the primary key.
_READINGS = """
    SELECT s.device_id, s.metric, s.ts, s.value, s.received_at, (
        SELECT array_agg(
            (extract(epoch FROM r.minute)::bigint, r.sum / r.count, r.min, r.max, r.count) ORDER BY r.minute
        ) FROM readings_minute r
        WHERE r.device_id = s.device_id AND r.metric = s.metric AND r.minute > now() - make_interval(mins => $2)
    ) AS spark
    FROM latest_readings s WHERE s.device_id = ANY($1::text[])
"""
