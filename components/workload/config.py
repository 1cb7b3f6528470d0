"""The sections of the configuration about what runs: what is switched on, and how a new version takes over."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from pydantic import Field, model_validator

from apps.platform.distinct import Distinct
from components.section import Section

Strategy = Literal["rolling", "canary", "blue_green"]


class CanaryStepConfig(Section):
    """How many of the pods are of the new version, and for how long before the next step."""

    percent: int = Field(ge=1, le=99, description="Of all pods, to the nearest whole pod, at least one", examples=[25])
    pause_seconds: int = Field(ge=10, le=86_400, examples=[300])


PROCESSORS: Mapping[str, int] = MappingProxyType(
    {"ml.t3.medium": 2, "ml.m5.large": 2, "ml.m5.xlarge": 4, "ml.m5.2xlarge": 8, "ml.m5.4xlarge": 16}
)
"""Machines of SageMaker for jobs like ours -> their processors. Those with disks of their own take no key for them."""


class MachinesConfig(Section):
    """Machines of SageMaker that share a job, each the part of the work that is its own."""

    instance_type: Literal["ml.t3.medium", "ml.m5.large", "ml.m5.xlarge", "ml.m5.2xlarge", "ml.m5.4xlarge"] = Field(
        "ml.t3.medium", description="As many series at the same time as it has processors", examples=["ml.m5.xlarge"]
    )
    instances: int = Field(1, ge=1, le=20, description="How many of them share the series", examples=[2])
    assumed_hours: float = Field(
        20, gt=0, le=100_000, description="Of all machines in a month: what `nox -s cost` counts with", examples=[20]
    )

    @property
    def processors(self) -> int:
        """How many processors each has."""
        return PROCESSORS[self.instance_type]


class ForecastsConfig(Section):
    """Forecasts of each series. Nothing of it is needed to switch them on: `forecasts: {}`."""

    runs_on: Literal["sagemaker", "cluster"] = Field(
        "sagemaker",
        description="sagemaker: machines that are there while it runs; cluster: a pod on its nodes",
        examples=["cluster"],
    )
    machines: MachinesConfig = MachinesConfig()

    @model_validator(mode="after")
    def _used(self) -> "ForecastsConfig":
        if self.runs_on == "cluster" and "machines" in self.model_fields_set:
            raise ValueError("machines are those of SageMaker: leave them out, or say runs_on: sagemaker")
        return self


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
