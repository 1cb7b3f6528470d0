"""Up to when everything that arrived is stored, and whether the platform hears anybody at all.

Silence may be judged only as far as that: while the platform itself is behind or cannot be reached, nobody is silent.
"""

from typing import NamedTuple

from apps.domain.alerts import Anomaly, Severity
from apps.domain.rule_reference import moment
from apps.storage.alerts import clear_alert, raise_alert
from apps.storage.connection import Connection

SLACK = 2_000_000
"""How much earlier the gateway may have received what has not reached the stream yet, in microseconds."""

MIN_FLEET = 3
"""Of so many devices that were heard of together, not all fall silent at once: it is the network, or the platform."""

ACTOR = "rules"
FLEET, RULE = "fleet", "fleet-silent"


class Arrivals(NamedTuple):
    """What the database says at one moment. Times are microseconds since 1970."""

    now: int
    stored_through: int
    """All that arrived before is stored."""
    newest: int | None
    """When the newest reading of anybody arrived."""
    together: int
    """Devices that were heard of within two minutes of the newest."""


class Horizon(NamedTuple):
    """What may be said of silence now. Times are microseconds since 1970."""

    known: int
    """All that arrived before is known."""
    judged: int
    """Silence is judged up to here: further on, nobody of a fleet was heard of, so it may be the platform itself."""
    not_before: int
    """Since when the platform hears again; what was quiet before that was perhaps not silent."""


class Hearing:
    """Whether the platform hears its fleet, from look to look."""

    def __init__(self) -> None:
        self._deaf_at: int | None = None
        """The newest arrival before nobody was heard of any more, though many should have been."""
        self._resumed = 0
        self._is_told: bool | None = None
        """None: not known, as an earlier process may have told."""

    def horizon(self, arrivals: Arrivals) -> Horizon:
        """Return what may be said of silence."""
        known = min(arrivals.stored_through, arrivals.now) - SLACK
        if arrivals.newest is None or arrivals.together < MIN_FLEET:
            return Horizon(known, known, self._resumed)
        if self._deaf_at is not None and arrivals.newest > self._deaf_at:
            self._deaf_at, self._resumed = None, arrivals.newest
        return Horizon(known, min(known, arrivals.newest), self._resumed)

    async def tell(self, connection: Connection, arrivals: Arrivals, held_back: int) -> None:
        """Open or resolve the one alert for all. `held_back`: those that would be silent if the platform heard."""
        if held_back and arrivals.newest is not None and arrivals.together >= MIN_FLEET:
            self._deaf_at = arrivals.newest
            if not self._is_told:
                await raise_alert(connection, _nobody(arrivals, arrivals.newest), ACTOR)
            self._is_told = True
        elif not held_back and self._is_told is not False:
            over = moment(arrivals.newest or arrivals.now)
            await clear_alert(connection, FLEET, RULE, ACTOR, "devices are heard of again", over)
            self._is_told = False


async def listen(connection: Connection) -> Arrivals:
    """Return what the database says now."""
    row = await connection.fetchrow(_LISTEN)
    if row is None:
        raise RuntimeError("a query of one row that returns none")
    return Arrivals(*row)


def _nobody(arrivals: Arrivals, newest: int) -> Anomaly:
    since = moment(newest)
    return Anomaly(
        source=FLEET,
        rule=RULE,
        severity=Severity.CRITICAL,
        message=(
            f"No device has sent anything since {since:%H:%M:%S} UTC; before, {arrivals.together} or more did: "
            "look at their network and at the gateway"
        ),
        since=since,
        observed=(arrivals.now - newest) / 1e6,
    )


# An unfinished shard is stored up to read_until. Where there is no stream, what is stored is all there is.
_LISTEN = """
WITH newest AS (
    SELECT stored_at, received_at FROM latest_readings ORDER BY stored_at DESC LIMIT 1
)
SELECT
    (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
    (extract(epoch FROM coalesce(
        (SELECT min(read_until) FROM shard_leases WHERE NOT finished), clock_timestamp())) * 1000000)::bigint,
    (SELECT (extract(epoch FROM received_at) * 1000000)::bigint FROM newest),
    (SELECT count(DISTINCT device_id) FROM (
        SELECT device_id FROM latest_readings, newest
        WHERE latest_readings.stored_at > newest.stored_at - interval '2 minutes' LIMIT 200) AS lately)
"""
