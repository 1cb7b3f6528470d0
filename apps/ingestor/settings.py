"""Settings of the ingestor."""

from pydantic import Field

from apps.platform.settings import HttpSettings, PoolSettings, StoringSettings, StreamSettings


class IngestorSettings(PoolSettings, StreamSettings, StoringSettings, HttpSettings):
    """What the ingestor reads."""

    batch_seconds: float = Field(2, gt=0, le=60, description="A batch is written after this time at the latest")
    batch_rows: int = Field(5_000, ge=1, le=50_000, description="A batch is written when it holds this many readings")
    lease_seconds: float = Field(
        15, ge=1, le=300, description="A lease that was not renewed for this time may be taken"
    )
    poll_seconds: float = Field(
        0.5, ge=0.2, le=10, description="Time between two GetRecords of a shard (AWS: at most 5/s)"
    )
    device_rejects_per_day: int = Field(
        1_000, ge=1, le=1_000_000, description="Rejected records of one device kept a day; more are only counted"
    )
    rejects_per_day: int = Field(
        100_000, ge=1, le=10_000_000, description="Most rejected records that are kept of all devices in a day"
    )
    database_connections: int = Field(
        5, ge=2, le=100, description="Most connections of this process; one is kept for the leases"
    )
