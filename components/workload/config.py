"""The sections of the configuration about what runs: what is switched on, and how a new version takes over."""

from typing import Literal

from pydantic import Field, model_validator

from apps.platform.distinct import Distinct
from components.section import Section

Strategy = Literal["rolling", "canary", "blue_green"]


class CanaryStepConfig(Section):
    """How many of the pods are of the new version, and for how long before the next step."""

    percent: int = Field(ge=1, le=99, description="Of all pods, to the nearest whole pod, at least one", examples=[25])
    pause_seconds: int = Field(ge=10, le=86_400, examples=[300])


class ForecastsConfig(Section):
    """Forecasts of each series, made in the cluster. Nothing of it is needed to switch them on: `forecasts: {}`."""


class MeshConfig(Section):
    """Istio between the workloads, in its ambient mode. Nothing of it is needed to switch it on: `mesh: {}`."""


class DeliveryConfig(Section):
    """How a new version takes the place of the one that runs, by a controller that takes a bad one back."""

    strategy: Strategy = Field(
        description="rolling: pod by pod, judged by nobody; canary: in steps; blue_green: all at once, tried before",
        examples=["canary"],
    )
    steps: Distinct[CanaryStepConfig] = Field(
        (CanaryStepConfig(percent=25, pause_seconds=300), CanaryStepConfig(percent=50, pause_seconds=300)),
        max_length=10,
        description="Of a canary, rising; after the last one every pod is of the new version",
        examples=[[{"percent": 25, "pause_seconds": 300}, {"percent": 50, "pause_seconds": 300}]],
    )
    interval_seconds: int = Field(
        60, ge=5, le=600, description="How often a new version is judged by its objectives", examples=[60]
    )
    window_seconds: int = Field(
        300, ge=30, le=3_600, description="Over how long: two scrapes at the least", examples=[300]
    )

    @model_validator(mode="after")
    def _judged(self) -> "DeliveryConfig":
        # Not min_length: it would be told, too, of a step whose value is wrong.
        if not self.steps:
            raise ValueError("steps must name at least one step; for none, strategy: rolling")
        percents = [step.percent for step in self.steps]
        if percents != sorted(set(percents)):
            raise ValueError(f"steps must rise, percent by percent, got {', '.join(map(str, percents))}")
        for number, step in enumerate(self.steps):
            # Else a step passes that nobody looked at.
            if step.pause_seconds < self.interval_seconds * 2:
                raise ValueError(
                    f"steps.{number}.pause_seconds is {step.pause_seconds}: it must be at least "
                    f"{self.interval_seconds * 2}, two times interval_seconds, so that each step is judged"
                )
        return self

    @property
    def pauses_seconds(self) -> int:
        """How long a canary waits in all its steps together."""
        return sum(step.pause_seconds for step in self.steps)
