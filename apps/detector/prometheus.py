"""Questions to the HTTP API of Prometheus."""

import math
from dataclasses import dataclass
from typing import Any

import httpx
import msgspec

from apps.detector.errors import PrometheusError


@dataclass(frozen=True, slots=True)
class TimeSeries:
    """One series: its labels, and its finite samples in the order of time."""

    labels: dict[str, str]
    samples: tuple[tuple[float, float], ...]
    """Time (seconds since 1970) and value."""

    def between(self, start: float, end: float) -> list[float]:
        """Return the values of the samples after `start` up to `end`, both in seconds since 1970."""
        return [value for time, value in self.samples if start < time <= end]


class Prometheus:
    """One Prometheus server."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def now(self) -> float:
        """Return the server's time in seconds since 1970. Its clock stamps the samples, so windows are cut by it."""
        data = await self._ask("/api/v1/query", {"query": "time()"})
        try:
            return float(data["result"][1])
        except (LookupError, TypeError, ValueError):
            raise PrometheusError(f"time(): unexpected answer {str(data)[:200]}") from None

    async def range(self, query: str, start: float, end: float, step: float) -> list[TimeSeries]:
        """Return every series of `query` from `start` to `end`, a sample each `step` seconds where there is one.

        What is not a finite number is left out. Raises PrometheusError.
        """
        data = await self._ask(
            "/api/v1/query_range", {"query": query, "start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step:g}"}
        )
        try:
            matrix = msgspec.convert(data, _Matrix)
        except msgspec.ValidationError as error:
            raise PrometheusError(f"{query}: unexpected answer: {error}") from None
        return [_time_series(stream) for stream in matrix.result]

    async def _ask(self, path: str, parameters: dict[str, str]) -> Any:
        query = parameters["query"]
        try:
            response = await self._client.get(path, params=parameters)
            answer = msgspec.json.decode(response.content, type=_Answer)
        except httpx.HTTPError as error:
            raise PrometheusError(f"{query}: {error or type(error).__name__}") from error
        except msgspec.MsgspecError:
            raise PrometheusError(f"{query}: HTTP {response.status_code}, not an answer of Prometheus") from None
        if answer.status != "success":
            raise PrometheusError(f"{query}: {answer.error or f'HTTP {response.status_code}'}")
        return answer.data


class _Answer(msgspec.Struct):
    status: str
    data: Any = None
    error: str = ""


class _SampleStream(msgspec.Struct):
    metric: dict[str, str]
    values: list[tuple[float, str]]


class _Matrix(msgspec.Struct, tag_field="resultType", tag="matrix"):
    result: list[_SampleStream]


def _time_series(stream: _SampleStream) -> TimeSeries:
    labels = {name: value for name, value in stream.metric.items() if name != "__name__"}
    samples: dict[float, float] = {}
    for time, text in stream.values:
        if math.isfinite(value := _number(text)):
            samples.setdefault(time, value)
    return TimeSeries(labels, tuple(sorted(samples.items())))


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
