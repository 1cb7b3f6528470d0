"""The client against a real Prometheus."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from apps.detector.errors import PrometheusError
from apps.detector.prometheus import Prometheus
from apps.detector.signals import PROCESS_SIGNALS, cluster_signals
from devtools.ports import free_port
from tests.support import monitoring


@pytest.fixture
async def prometheus(tmp_path: Path) -> AsyncIterator[Prometheus]:
    nobody = f"127.0.0.1:{free_port()}"
    with monitoring.prometheus(tmp_path, {"absent": nobody}) as url:
        async with httpx.AsyncClient(base_url=url) as client:
            yield Prometheus(client)


async def test_reads_series_as_they_were_scraped(prometheus: Prometheus) -> None:
    async with asyncio.timeout(30):
        while True:
            now = await prometheus.now()
            answer = await prometheus.range("sum by (job) (up)", now - 60, now, 1)
            if answer and len(answer[0].samples) >= 3:
                break
            await asyncio.sleep(0.1)
    (series,) = answer
    assert series.labels == {"job": "absent"}
    assert {value for _, value in series.samples} == {0.0}
    assert series.samples[-1][0] <= now
    times = [time for time, _ in series.samples]
    assert times == sorted(set(times))


async def test_leaves_out_what_is_no_number(prometheus: Prometheus) -> None:
    now = await prometheus.now()
    (series,) = await prometheus.range("vector(0) / vector(0)", now - 10, now, 1)
    assert series.samples == ()


async def test_says_what_is_wrong_with_a_query(prometheus: Prometheus) -> None:
    now = await prometheus.now()
    with pytest.raises(PrometheusError, match="parse error"):
        await prometheus.range("rate(", now - 10, now, 1)


async def test_understands_every_question_that_is_asked_by_default(prometheus: Prometheus) -> None:
    now = await prometheus.now()
    for signal in (*PROCESS_SIGNALS, *cluster_signals("sensors")):
        assert await prometheus.range(signal.query, now - 10, now, 1) == []
