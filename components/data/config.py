"""The sections of the configuration that say how much data is kept, and how well."""

from pydantic import Field, model_validator

from components.account.config import AthenaConfig, ReportsConfig
from components.section import Section


class DatabaseConfig(Section):
    """PostgreSQL."""

    instance_class: str = Field("db.t4g.small", pattern=r"^db\.[a-z0-9-]+\.[a-z0-9]+$", examples=["db.t4g.small"])
    storage_gib: int = Field(20, ge=20, le=16_384, examples=[20])
    multi_az: bool = Field(False, description="A standby instance in the other zone", examples=[True])
    backup_days: int = Field(1, ge=1, le=35, examples=[7])
    final_snapshot: bool = Field(
        False, description="A snapshot and the backups stay when the stack is taken down", examples=[True]
    )
    snapshots_kept: int = Field(1, ge=1, le=100, description="How many of these snapshots stay", examples=[1])
    restore_latest: bool = Field(
        False, description="Begins with the newest of these snapshots, empty where there is none", examples=[True]
    )

    @model_validator(mode="after")
    def _comes_back(self) -> "DatabaseConfig":
        if self.restore_latest and not self.final_snapshot:
            raise ValueError("restore_latest needs final_snapshot: without it there is nothing to come back from")
        return self


class ArchiveConfig(Section):
    """Days that are over as files in S3. Nothing of it is needed to switch it on: `archive: {}`."""

    colder_after_days: int = Field(
        90, ge=1, le=3650, description="Days after which files move to Glacier Instant Retrieval", examples=[90]
    )
    reports: ReportsConfig | None = Field(
        None, description="Reports of each month, made by Spark on EMR Serverless; None: none", examples=[{}]
    )
    assumed_readings_per_second: float = Field(
        200, gt=0, le=1_000_000, description="What `nox -s cost` counts with", examples=[2000]
    )
    assumed_years: float = Field(1, gt=0, le=100, description="How long it has been on, likewise", examples=[3])
    athena: AthenaConfig | None = Field(None, description="SQL over the archive; none: nobody asks", examples=[{}])


class StreamConfig(Section):
    """Kinesis."""

    retention_hours: int = Field(24, ge=24, le=8760, examples=[24])
    shards: int | None = Field(
        None, ge=1, le=500, description="Provisioned shards of 1 MB and 1,000 records a second; None: on demand"
    )
