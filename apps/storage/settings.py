"""Settings of the storage command."""

from datetime import timedelta
from pathlib import Path

from pydantic import Field

from apps.platform.settings import DatabaseSettings, ProcessSettings, RetentionSettings

GRACE = timedelta(days=8)
"""How much later a month is dropped than readings of it are refused: longer than what was taken in its last moment may
lie on the stream (a stack's configuration is checked). It still finds what it may repeat, and is not counted again."""


class StorageSettings(DatabaseSettings, RetentionSettings, ProcessSettings):
    """What `python -m apps.storage` reads."""

    minutes_retention_months: int = Field(25, ge=1, le=1200, description="Months of rollups by minute to keep")
    hours_retention_months: int = Field(60, ge=1, le=1200, description="Months of rollups by hour to keep")
    days_retention_months: int = Field(240, ge=1, le=1200, description="Months of rollups by day to keep")
    archive_enabled: bool = Field(
        False, description="Whether a month of readings is dropped only when all of its days are final in the archive"
    )
    rejects_retention_days: int = Field(30, ge=1, le=366, description="Days of rejected records to keep")
    alerts_retention_days: int = Field(400, ge=30, le=3660, description="Days to keep an alert after it was resolved")
    audit_retention_days: int = Field(
        1100, ge=90, le=3660, description="Days to keep who changed what: three years, and what is left of a month"
    )
    partitions_ahead_months: int = Field(3, ge=1, le=24, description="Months to make partitions ahead for")


class MeasurementSettings(DatabaseSettings, ProcessSettings):
    """What `python -m apps.storage measure` reads."""

    database_instance: str | None = Field(
        None, description="The instance's identifier on RDS; without one CloudWatch is not asked"
    )
    pushgateway_url: str = Field(pattern=r"^https?://", description="Where the metrics of the database are pushed to")


class MigrationSettings(StorageSettings):
    """What `python -m apps.migration` reads. The user is the owner of the tables."""

    role_passwords_file: Path | None = Field(
        None, description="JSON of role to password, for a database without IAM (the local stack)"
    )
