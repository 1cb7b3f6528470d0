"""Settings of the smoke test in the cluster."""

from pathlib import Path

from pydantic import Field

from apps.platform.settings import ProcessSettings


class SmokeSettings(ProcessSettings):
    """What the smoke test reads."""

    dashboard_url: str = Field(pattern="^https?://", description="Where the dashboard is served")
    api_url: str = Field(pattern="^https?://", description="Where the API answers")
    gateway_url: str = Field(pattern="^https?://", description="Where the gateway takes readings")
    operator_token_file: Path = Field(description="File with a key that may register a device and read")
