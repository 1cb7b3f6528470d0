"""Settings of the API."""

from pathlib import Path

from pydantic import Field

from apps.api.sign_in.settings import SignInSettings
from apps.platform.settings import PoolSettings, StoringSettings


class ApiSettings(PoolSettings, StoringSettings, SignInSettings):
    """What the API reads."""

    signing_keys_file: Path = Field(description="JSON with the keys that upload URLs are signed with")
    operator_token_file: Path = Field(description="File with the bearer token that is the first administrator's key")
    archive_bucket: str | None = Field(
        None,
        pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
        description="Bucket of the archive, for readings that the database dropped; none: nothing is archived",
    )
    public_url: str = Field(pattern=r"^https?://[^/]+$", description="Where devices and people reach the platform")
    allowed_origins: str = Field(
        "",
        pattern=r"^(https?://[^/,]+(,https?://[^/,]+)*)?$",
        description="Further origins whose pages may read answers and open WebSockets, separated by commas",
    )
    live_clients: int = Field(500, ge=1, le=10_000, description="Most WebSocket clients of one process")
    max_exports: int = Field(4, ge=1, le=100, description="Most exports of one process at a time")
    database_connections: int = Field(10, ge=2, le=100, description="Most connections of this process")

    @property
    def origins(self) -> frozenset[str]:
        """Every origin besides the request's own host that a browser may come from."""
        return frozenset({self.public_url, *filter(None, self.allowed_origins.split(","))})
