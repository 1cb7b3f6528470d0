"""The sections of the configuration that say how much data is kept, and how well."""

from pydantic import Field

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


class StreamConfig(Section):
    """Kinesis."""

    retention_hours: int = Field(24, ge=24, le=8760, examples=[24])
