"""A dry run: when a rule would have fired, had it been there."""

import asyncio
from datetime import datetime, timedelta
from typing import Annotated

import msgspec

from apps.api.caller import Caller
from apps.api.context import Context
from apps.api.operation import JSON, RawBody, Router
from apps.api.permissions import Permission
from apps.api.queries import rule_history
from apps.api.queries.rule_history import Subject
from apps.api.routes.rules import read_rule
from apps.api.windows import Since, Until, window
from apps.domain.rule_reference import EPOCH, MICROSECOND, Firing, firings, moment, silences
from apps.domain.rules import RuleSpec, Silence
from apps.domain.windows import Window

router = Router("Dry run of rules", "What a rule would have done.")

MAX_SUBJECTS = 1000
MAX_FIRINGS = 1000
WEEK = timedelta(days=7)


class DryRunQuery(msgspec.Struct, frozen=True):
    """Over which readings. By default those of the last seven days."""

    since: Since | None = None
    until: Until | None = None


class WouldHaveFired(msgspec.Struct, frozen=True):
    """An alert that there would have been: about what, since when it was so, when it opened and when it was over."""

    device_id: str
    metric: str | None
    since: datetime
    opened_at: datetime
    resolved_at: datetime | None
    value: Annotated[
        float, msgspec.Meta(description="As the alert opened: the metric's, a rate, or how many seconds it was silent")
    ]


class DryRunAnswer(msgspec.Struct, frozen=True):
    """What a rule would have done in a window."""

    since: datetime
    until: datetime
    summary: Annotated[str, msgspec.Meta(description="In a sentence")]
    alerts: Annotated[int, msgspec.Meta(description="How many there would have been")]
    subjects: Annotated[int, msgspec.Meta(description="Series, or devices, that were judged")]
    readings: Annotated[int, msgspec.Meta(description="Readings that were judged")]
    complete: Annotated[
        bool, msgspec.Meta(description="false: there were more readings or subjects than one dry run judges")
    ]
    firings: Annotated[list[WouldHaveFired], msgspec.Meta(description="The newest 1,000, the newest first")]


@router.operation(
    "POST",
    "/rules/dry-run",
    permission=Permission.RULES_READ,
    consumes={JSON: RuleSpec},
    errors={429: "As many dry runs are under way as there may be"},
)
async def dry_run(context: Context, caller: Caller, query: DryRunQuery, body: RawBody) -> DryRunAnswer:
    """Tell when a rule would have fired, without keeping it.

    Readings are judged in the order of their own time, also those that came late. At most 500,000 readings of 1,000
    series are judged: `complete` tells whether those were all.
    """
    rule = read_rule(body)
    until = window(None, query.until or context.now()).until or context.now()
    period = window(query.since or until - WEEK, until)
    with context.dry_runs.take():
        found, subjects, readings, complete = await _judge(context, caller, rule, period)
    found.sort(key=lambda fired: fired.opened_at, reverse=True)
    since, until = period.since or until, period.until or until
    return DryRunAnswer(
        since=since,
        until=until,
        summary=_summary(found, subjects, until - since, complete),
        alerts=len(found),
        subjects=subjects,
        readings=readings,
        complete=complete,
        firings=found[:MAX_FIRINGS],
    )


async def _judge(
    context: Context, caller: Caller, rule: RuleSpec, period: Window
) -> tuple[list[WouldHaveFired], int, int, bool]:
    wanted = await rule_history.subjects(context.database, rule, caller.labels, MAX_SUBJECTS + 1)
    complete = len(wanted) <= MAX_SUBJECTS
    left = context.limits.dry_run_readings
    found: list[WouldHaveFired] = []
    judged = 0
    for subject in wanted[:MAX_SUBJECTS]:
        if left <= 0:
            complete = False
            break
        own = rule.for_device(subject.device_id)
        if not own.enabled:
            continue
        fired, used = await _judge_one(context, own, subject, period, left)
        complete = complete and used < left
        left -= used
        judged += 1
        found += [_would(subject, firing) for firing in fired]
    return found, judged, context.limits.dry_run_readings - left, complete


async def _judge_one(
    context: Context, rule: RuleSpec, subject: Subject, period: Window, limit: int
) -> tuple[list[Firing], int]:
    # In a thread: a long history keeps a core busy, and other requests shall not wait for it.
    if isinstance(rule.condition, Silence):
        arrivals = await rule_history.arrivals_of(context.database, subject, period, limit)
        now = min(period.until or context.now(), context.now())
        return await asyncio.to_thread(silences, rule, arrivals, (now - EPOCH) // MICROSECOND), len(arrivals)
    readings = await rule_history.readings_of(context.database, subject, period, limit)
    return await asyncio.to_thread(firings, rule, readings), len(readings)


def _would(subject: Subject, fired: Firing) -> WouldHaveFired:
    return WouldHaveFired(
        device_id=subject.device_id,
        metric=subject.metric,
        since=moment(fired.since),
        opened_at=moment(fired.opened),
        resolved_at=None if fired.resolved is None else moment(fired.resolved),
        value=fired.value,
    )


def _summary(found: list[WouldHaveFired], subjects: int, length: timedelta, complete: bool) -> str:
    days = length / timedelta(days=1)
    lasted = f"{days:.3g} {'day' if days == 1 else 'days'}"
    loud = len({(fired.device_id, fired.metric) for fired in found})
    times = {0: "never", 1: "once"}.get(len(found), f"{len(found)} times")
    where = f", on {loud} of {subjects}" if found else f", judged on {subjects}"
    part = "" if complete else "; that is not all, as there were more readings than one dry run judges"
    return f"would have fired {times} in {lasted}{where} {'source' if subjects == 1 else 'sources'}{part}"
