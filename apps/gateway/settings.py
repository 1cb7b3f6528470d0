"""Settings of the gateway."""

from pathlib import Path

from pydantic import Field

from apps.platform.settings import HttpSettings, ReadingSettings, StreamSettings


class GatewaySettings(StreamSettings, ReadingSettings, HttpSettings):
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
        32_000_000, ge=5_000_000, le=1_000_000_000, description="Most bytes of bodies, and of records, held at a time"
    )
