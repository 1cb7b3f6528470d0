"""Settings of what takes Spark's reports into the database."""

from pydantic import Field

from apps.platform.settings import DatabaseSettings, ProcessSettings


class LongTermSettings(DatabaseSettings, ProcessSettings):
    """What it reads."""

    archive_bucket: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", description="Bucket of the archive")
    pushgateway_url: str = Field(pattern=r"^https?://", description="Where its metrics are pushed to")
    report_months: int = Field(36, ge=1, le=1200, description="Months whose reports the database keeps")
