"""Settings of the rules service."""

from pydantic import Field

from apps.platform.settings import DatabaseSettings, HttpSettings


class RulesSettings(DatabaseSettings, HttpSettings):
    """What the rules service reads."""

    lease_seconds: float = Field(
        15, ge=1, le=300, description="A lease that was not renewed for this time may be taken"
    )
    look_seconds: float = Field(1, ge=0.1, le=60, description="Time between two looks at what was stored")
    checkpoint_seconds: float = Field(
        10, ge=0.1, le=600, description="What is remembered is written after this time at the latest"
    )
    chunk_commits: int = Field(50, ge=1, le=10_000, description="Most commits that are judged at a time")
