"""Times and sizes that no deployment sets: they follow from one another, and a test may choose smaller ones."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The API's limits."""

    acquire_seconds: float = 2.0
    """How long a request waits for a free connection of the database."""
    query_seconds: float = 15.0
    """How long one query may take."""
    export_chunk_rows: int = 2000
    """Rows of an export that are fetched at a time."""
    archive_reads: int = 1
    """Days of the archive that are read at a time: each takes a thread, and some ten megabytes."""
    archive_seconds: float = 8.0
    """How long one page looks through the archive; then it is sent as far as it is, with where to go on."""
    archive_sorted_rows: int = 50_000_000
    """Readings of one archived day that are sorted by time for a page that names no device."""
    archive_rows: int = 100_000
    """Readings of the archive that an export sorts at a time."""
    dry_runs: int = 2
    """Dry runs of rules at a time: each keeps a core busy."""
    dry_run_readings: int = 500_000
    """Readings that one dry run judges."""
    ping_seconds: float = 10.0
    """Between two pings of a WebSocket client."""
    debounce_seconds: float = 0.2
    """Notifications that arrive within this time after a query for live updates are answered by one."""
    idle_seconds: float = 5.0
    """Without a notification that query runs after this time anyway."""
    full_refresh_seconds: float = 60.0
    """How often everything is read again: for what committed later than the overlap, and for what is gone."""
    overlap: timedelta = timedelta(seconds=5)
    """A row gets its time before its transaction commits, so a row may appear this late behind newer ones."""
