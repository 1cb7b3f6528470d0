"""Signals of the platform: what the detector asks Prometheus for."""

from datetime import timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_json

from apps.platform.exporters import CONTAINER_CPU, PROCESS_CPU
from apps.platform.http import HTTP_SECONDS
from apps.platform.promql import NotMatches, histogram_quantile, max_, rate


class Direction(StrEnum):
    """Which way a signal gets worse."""

    UP = "up"
    DOWN = "down"
    BOTH = "both"


class Signal(BaseModel):
    """One question to Prometheus. Each series of the answer is watched by itself, as `<its labels' values>/<name>`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", description="For example cpu")]
    query: Annotated[str, Field(min_length=1, description="PromQL that gives one series for each service")]
    direction: Direction = Direction.BOTH
    floor: Annotated[float, Field(gt=0, description="Least spread that counts, in the signal's unit")]
    """A quiet signal has next to no spread, and any wobble would be many times that. Three of these are the least rise
    that can alert."""

    def source(self, labels: dict[str, str]) -> str:
        """Return what an alert about a series with `labels` is about, for example `api/cpu`."""
        return "/".join((*(labels[key] for key in sorted(labels)), self.name))


MINUTE = timedelta(minutes=1)

CPU = Signal(
    name="cpu",
    query=max_(rate(PROCESS_CPU, MINUTE), by=("job",)).text,  # the busiest copy: scaling out is no anomaly
    direction=Direction.UP,
    floor=0.05,  # cores
)
LATENCY = Signal(
    name="latency",
    query=histogram_quantile(Fraction(95, 100), HTTP_SECONDS, MINUTE, by=("job",)).text,
    direction=Direction.UP,
    floor=0.02,  # seconds
)

PROCESS_SIGNALS = (CPU, LATENCY)
"""What the services tell of themselves."""


def cluster_signals(namespace: str) -> tuple[Signal, ...]:
    """Return the signals on Kubernetes, where the kubelet tells the CPU of every container in `namespace`."""
    used = rate(CONTAINER_CPU, 2 * MINUTE, namespace=namespace, container=NotMatches("|POD"))
    query = max_(used, by=("container",)).text
    return (CPU.model_copy(update={"query": query}), LATENCY)


def as_setting(signals: tuple[Signal, ...]) -> str:
    """Return signals as the text of the variable SIGNALS."""
    return to_json(signals).decode()
