"""Settings of the archive."""

from pydantic import Field

from apps.platform.settings import DatabaseSettings, ProcessSettings

MIB = 1024 * 1024


class ArchiveSettings(DatabaseSettings, ProcessSettings):
    """What the archive reads."""

    archive_bucket: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", description="Bucket of the archive")
    pushgateway_url: str = Field(pattern=r"^https?://", description="Where the archive's metrics are pushed to")
    file_mib: int = Field(128, ge=1, le=256, description="MiB after which a file ends and the next one begins")
    settle_hours: int = Field(
        2, ge=0, le=72, description="Hours after a day's end at which it is written; what is later makes a new version"
    )
