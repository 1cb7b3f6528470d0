"""The fleet: what the first page shows, in one request."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from apps.api.caller import Caller
from apps.api.context import Context
from apps.api.operation import Router
from apps.api.permissions import Permission
from apps.api.queries import fleet
from apps.api.queries.fleet import DeviceState, FacetCount, FleetDevice, FleetFilter, FleetKey, Sort
from apps.api.routes.paging import PageQuery, decode_cursor, page
from apps.domain.devices import IdList, Kind, Label
from apps.domain.readings import Metric
from apps.domain.text import NO_NUL_PATTERN

router = Router("Fleet", "Every device at a glance: what is wrong first, with counts.")


class FleetQuery(PageQuery, frozen=True, kw_only=True):
    """Which devices to show, and in which order."""

    q: (
        Annotated[
            str,
            msgspec.Meta(
                max_length=120,
                pattern=NO_NUL_PATTERN,
                description="Words that all stand somewhere in the id, name, kind, labels, metrics or state",
            ),
        ]
        | None
    ) = None
    ids: IdList | None = None
    kind: Kind | None = None
    label: Label | None = None
    metric: Metric | None = None
    state: DeviceState | Literal["alerting"] | None = None
    located: Annotated[bool, msgspec.Meta(description="Only devices with latitude and longitude")] = False
    sort: Annotated[
        Sort, msgspec.Meta(description="trouble: what needs somebody first; -name: by name, the last first")
    ] = "trouble"
    spark_minutes: Annotated[
        int, msgspec.Meta(ge=0, le=60, description="How many minutes before now to show of each series")
    ] = 0


class Count(msgspec.Struct, frozen=True):
    """How many devices have a value."""

    value: str
    count: int


class FleetCounts(msgspec.Struct, frozen=True, kw_only=True):
    """The fleet in numbers. `kinds`, `labels`, `metrics` and `states` count what each choice would show."""

    total: int
    silent: int
    matching: int
    """Devices that the filters leave."""
    located: int
    states: list[Count]
    kinds: list[Count]
    labels: list[Count]
    metrics: list[Count]


class Fleet(msgspec.Struct, frozen=True):
    """Some devices, and where the next ones start. `counts` come with the first page alone."""

    at: datetime
    items: list[FleetDevice]
    counts: FleetCounts | None
    next_cursor: str | None


@router.operation("GET", "/fleet", permission=Permission.READINGS_READ)
async def show_fleet(context: Context, caller: Caller, query: FleetQuery) -> Fleet:
    """Show devices with their newest readings, open alerts and state, what is wrong first.

    A device is silent when its newest reading is older than its attribute `silent_after_seconds`, or than 15 minutes.
    Sorted by value, it is the value of `metric`, or of the metric that the kind is named after.
    """
    wanted = FleetFilter(
        words=tuple((query.q or "").split()),
        device_ids=None if query.ids is None else tuple(query.ids.split(",")),
        kind=query.kind,
        label=query.label,
        metric=query.metric,
        state=query.state,
        located=query.located,
    )
    after = decode_cursor(query, FleetKey)
    rows = await fleet.find(
        context.database, wanted, query.sort, query.limit + 1, after, query.spark_minutes, caller.labels
    )
    counts = _counts(await fleet.count(context.database, wanted, caller.labels)) if after is None else None
    found = page("fleet", query, rows, lambda row: row.key)
    return Fleet(context.now(), [row.device for row in found.items], counts, found.next_cursor)


def _counts(facets: list[FacetCount]) -> FleetCounts:
    def of(facet: str) -> list[Count]:
        return [Count(row.value, row.devices) for row in facets if row.facet == facet]

    total = of("total")
    return FleetCounts(
        total=sum(state.count for state in total),
        silent=sum(state.count for state in total if state.value == "silent"),
        matching=sum(row.count for row in of("matching")),
        located=sum(row.count for row in of("located")),
        states=of("state"),
        kinds=of("kind"),
        labels=of("label"),
        metrics=of("metric"),
    )
