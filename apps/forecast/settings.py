"""Settings of the forecasts."""

from pathlib import Path

from pydantic import Field

from apps.platform.settings import DatabaseSettings, ProcessSettings


class ForecastSettings(DatabaseSettings, ProcessSettings):
    """What it reads."""

    history_days: int = Field(42, ge=14, le=366, description="Days of hourly means that models learn from")
    choice_days: int = Field(7, ge=1, le=90, description="Days for which the model of a series stays chosen")
    processes: int = Field(1, ge=1, le=64, description="Series that are forecast at the same time")
    budget_seconds: int = Field(
        5400, ge=1, le=86_400, description="Seconds after which no more series are begun: the next run goes on there"
    )
    resource_config_file: Path = Field(
        Path("/opt/ml/config/resourceconfig.json"),
        description="Where SageMaker says on how many machines it runs; without that file it runs on this one alone",
    )


class ForecastMetricsSettings(DatabaseSettings, ProcessSettings):
    """What the job reads that tells how far the forecasts are."""

    pushgateway_url: str = Field(pattern=r"^https?://", description="Where its metrics are pushed to")
