"""Settings of the gateway."""

import tempfile
from pathlib import Path
from typing import Literal

from pydantic import Field

from apps.platform.settings import DatabaseSettings, HttpSettings, ReadingSettings, StreamSettings


class GatewaySettings(StreamSettings, DatabaseSettings, ReadingSettings, HttpSettings):
    """What the gateway reads."""

    signing_keys_file: Path = Field(description="JSON with the keys that upload URLs are signed with")
    max_body_bytes: int = Field(1_000_000, ge=1_000, le=10_000_000, description="Largest body as sent")
    max_decompressed_bytes: int = Field(5_000_000, ge=1_000, le=50_000_000, description="Largest body after gunzip")
    max_readings: int = Field(10_000, ge=1, le=100_000, description="Most readings of one request")
    body_timeout_seconds: float = Field(10, gt=0, le=60, description="Time for a body to arrive")
    put_timeout_seconds: float = Field(
        8, gt=0, le=60, description="Time to get a request onto the stream before it is refused"
    )
    max_concurrent_puts: int = Field(4, ge=1, le=64, description="Most PutRecords calls at a time")
    max_in_flight_bytes: int = Field(
        24_000_000, ge=5_000_000, le=1_000_000_000, description="Most bytes of bodies, and of records, held at a time"
    )
    device_max_uploads: int = Field(
        4, ge=1, le=1_000, description="Most uploads of one device under way at this process"
    )
    device_max_bytes: int = Field(
        8_000_000, ge=1_000_000, le=100_000_000, description="Most bytes of one device held by this process, unzipped"
    )
    device_readings_per_second: float = Field(
        1_000, gt=0, le=1_000_000, description="Readings a second of one device at this process, in the long run"
    )
    device_readings_burst: int = Field(
        60_000, ge=1, le=100_000_000, description="Readings of one device at once at this process, as after an outage"
    )
    max_known_credentials: int = Field(
        50_000, ge=1, le=1_000_000, description="Most credentials held in memory, some 400 bytes each"
    )
    revocations_max_age_seconds: float = Field(
        86_400, ge=60, le=604_800, description="Age at which what is known of revocations is no longer relied upon"
    )
    when_revocations_are_unknown: Literal["refuse", "accept"] = Field(
        "refuse", description="refuse: answer 503, devices keep their readings; accept: take what has a valid signature"
    )
    knowledge_file: Path | None = Field(
        None, description="Keeps what is known of credentials for the next start; by default a temporary file"
    )

    @property
    def knowledge_path(self) -> Path:
        """The file that keeps what is known of credentials for the next start."""
        return self.knowledge_file or Path(tempfile.gettempdir()) / f"gateway-{self.http_port}.credentials"
