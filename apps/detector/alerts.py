"""What the detector knows of its alerts. `apps.storage.alerts` changes them."""

from datetime import datetime
from typing import NamedTuple

import asyncpg

from apps.domain.alerts import Severity
from apps.storage.tables import IS_UNRESOLVED

ACTOR = "detector"


class Unresolved(NamedTuple):
    """An alert that is open or acknowledged: what was expected as it opened, and what was observed last."""

    source: str
    opened_at: datetime
    updated_at: datetime
    score: float
    expected: float
    observed: float


async def unresolved(connection: asyncpg.Connection, rule: str) -> dict[str, Unresolved]:
    """Return the alerts of a rule that are not over, by source."""
    rows = await connection.fetch(_UNRESOLVED, rule)
    return {row["source"]: Unresolved(**row) for row in rows}


async def paging(connection: asyncpg.Connection, rule: str, since: datetime) -> dict[str, bool]:
    """Return whether a critical alert of a rule is unresolved or was raised since a time, for each source with one in
    the last hour."""
    return {row["source"]: row["alerting"] for row in await connection.fetch(_PAGING, rule, Severity.CRITICAL, since)}


_UNRESOLVED = f"""
SELECT source, opened_at, updated_at, coalesce(score, 0) AS score, coalesce(expected, 0) AS expected,
       coalesce(observed, 0) AS observed
FROM alerts WHERE rule = $1 AND {IS_UNRESOLVED}
"""  # noqa: S608

_PAGING = f"""
SELECT source, bool_or({IS_UNRESOLVED} OR opened_at >= $3) AS alerting
FROM alerts WHERE rule = $1 AND severity = $2 AND ({IS_UNRESOLVED} OR resolved_at > now() - interval '1 hour')
GROUP BY source
"""  # noqa: S608
