"""A run of the detector against a real PostgreSQL, a real Pushgateway and a Prometheus with planted answers."""

import asyncio
import json
import logging
import math
import os
import random
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

import asyncpg
import pytest

from apps.detector.run import FAILED, run
from apps.detector.settings import DetectorSettings
from apps.detector.signals import CPU, LATENCY, as_setting
from apps.platform.errors import ConfigurationError
from apps.platform.settings import load
from devtools.ports import free_port
from tests.support.monitoring import PlantedPrometheus, planted_prometheus, pushgateway
from tests.support.postgres import TestDatabase

NOISE = random.Random(1)
QUIET = [NOISE.uniform(0.2, 0.21) for _ in range(61)]
FAULT = QUIET[:-12] + [1.9] * 12


@dataclass
class Stage:
    """Everything around one detector."""

    prometheus: PlantedPrometheus
    gateway: str
    database: TestDatabase

    def settings(self, **others: str) -> DetectorSettings:
        environment = self.database.environment("detector")
        return load(
            DetectorSettings,
            {**environment, "PROMETHEUS_URL": self.prometheus.url, "PUSHGATEWAY_URL": self.gateway, **others},
        )

    async def run(self, **others: str) -> int:
        return await run(self.settings(**others), asyncio.Event())

    async def later(self, seconds: float, values: list[float]) -> int:
        self.prometheus.now += seconds
        self.prometheus.plant(CPU.query, "api", values)
        return await self.run()

    async def rows(self, query: str) -> list[asyncpg.Record]:
        connection = await self.database.connect()
        try:
            return await connection.fetch(query)
        finally:
            await connection.close()

    def pushed(self, metric: str) -> dict[str, float]:
        """Return the metric's samples on the gateway by their `signal` (or other) label."""
        with urllib.request.urlopen(f"{self.gateway}/api/v1/metrics") as answer:
            groups = json.load(answer)["data"]
        samples = [sample for group in groups for sample in group.get(metric, {}).get("metrics", [])]
        return {sample["labels"].get("signal", ""): float(sample["value"]) for sample in samples}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pushgateway(tmp_path_factory.mktemp("pushgateway")) as url:
        yield url


@pytest.fixture
def stage(gateway: str, database: TestDatabase) -> Iterator[Stage]:
    request = urllib.request.Request(f"{gateway}/metrics/job/detector", method="DELETE")
    urllib.request.urlopen(request).close()
    with planted_prometheus() as prometheus:
        prometheus.plant(CPU.query, "api", QUIET)
        prometheus.plant(LATENCY.query, "api", [0.05] * 61)
        yield Stage(prometheus, gateway, database)


async def test_quiet_signals_raise_no_alert_and_push_zeros(stage: Stage) -> None:
    assert await stage.run() == 0
    assert await stage.rows("SELECT * FROM alerts") == []
    assert stage.pushed("predictive_alert") == {"api/cpu": 0, "api/latency": 0}
    assert stage.pushed("detector_last_success_timestamp_seconds")[""] > 0


async def test_a_sustained_shift_is_an_alert_within_one_run_with_everything_needed_to_judge_it(stage: Stage) -> None:
    stage.prometheus.plant(CPU.query, "api", FAULT)
    assert await stage.run() == 0
    (alert,) = await stage.rows("SELECT * FROM alerts")
    assert (alert["source"], alert["rule"], alert["severity"], alert["state"]) == (
        "api/cpu", "zscore", "critical", "open",
    )  # fmt: skip
    assert alert["observed"] == 1.9
    assert 0.2 <= alert["expected"] <= 0.21
    assert alert["score"] > 3
    assert (alert["window_end"] - alert["window_start"]).total_seconds() == 900
    assert alert["model"] == "zscore"
    assert alert["model_version"]
    (event,) = await stage.rows("SELECT * FROM alert_events")
    assert (event["alert_id"], event["actor"], event["action"]) == (alert["alert_id"], "detector", "opened")
    assert stage.pushed("predictive_alert") == {"api/cpu": 1, "api/latency": 0}


async def test_only_critical_alerts_of_the_platforms_own_signals_page(stage: Stage) -> None:
    for source, rule, severity in (
        ("device-1/temperature", "rarity", "warning"),
        ("device-1/temperature", "limit", "critical"),
        ("api/latency", "rarity", "warning"),
    ):
        await stage.rows(
            "INSERT INTO alerts (source, rule, severity, message) "
            f"VALUES ('{source}', '{rule}', '{severity}', '') RETURNING 1"
        )
    await stage.run()
    assert stage.pushed("predictive_alert") == {"api/cpu": 0, "api/latency": 0}


async def test_a_lasting_fault_stays_one_alert_even_when_it_fills_the_window(stage: Stage) -> None:
    await stage.later(0, FAULT)
    await stage.later(300, [0.2] * 29 + [1.9] * 32)
    await stage.later(900, [1.9] * 61)
    (alert,) = await stage.rows("SELECT * FROM alerts")
    assert alert["state"] == "open"
    assert [event["action"] for event in await stage.rows("SELECT action FROM alert_events")] == ["opened"]
    assert stage.pushed("predictive_alert")["api/cpu"] == 1


async def test_an_alert_is_resolved_when_the_signal_is_back(stage: Stage) -> None:
    await stage.later(0, FAULT)
    await stage.later(300, [1.9] * 49 + QUIET[:12])
    (alert,) = await stage.rows("SELECT * FROM alerts")
    assert (alert["state"], alert["resolved_by"]) == ("resolved", "detector")
    assert alert["resolved_at"] is not None
    assert stage.pushed("predictive_alert")["api/cpu"] == 0
    events = await stage.rows("SELECT action FROM alert_events ORDER BY event_id")
    assert [event["action"] for event in events] == ["opened", "resolved"]


async def test_a_signal_at_the_edge_does_not_flap(stage: Stage) -> None:
    await stage.later(0, FAULT)
    await stage.later(300, [0.2] * 29 + [1.9] * 20 + [1.4] * 12)
    await stage.later(300, [1.4] * 61)
    (alert,) = await stage.rows("SELECT * FROM alerts")
    assert alert["state"] == "open"
    assert alert["observed"] == 1.4


async def test_an_acknowledged_alert_stays_acknowledged_and_no_second_one_is_opened(stage: Stage) -> None:
    await stage.later(0, FAULT)
    await stage.rows("UPDATE alerts SET state = 'acknowledged' RETURNING 1")
    await stage.later(300, [0.2] * 29 + [1.9] * 32)
    (alert,) = await stage.rows("SELECT * FROM alerts")
    assert alert["state"] == "acknowledged"


async def test_a_level_that_stays_for_hours_becomes_the_normal_one(stage: Stage) -> None:
    await stage.later(0, FAULT)
    await stage.rows("UPDATE alerts SET opened_at = to_timestamp(1750000000) RETURNING 1")
    await stage.later(7 * 3600, [1.9] * 61)
    assert (await stage.rows("SELECT state FROM alerts"))[0]["state"] == "resolved"


async def test_a_change_of_an_alert_is_announced(stage: Stage) -> None:
    connection = await stage.database.connect()
    notifications: asyncio.Queue[str] = asyncio.Queue()
    await connection.add_listener("alerts_changed", lambda *_: notifications.put_nowait(""))
    await stage.later(0, FAULT)
    await asyncio.wait_for(notifications.get(), 10)
    await stage.later(300, QUIET)
    await asyncio.wait_for(notifications.get(), 10)
    await connection.close()


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([0.2] * 61, id="constant"),
        pytest.param([0.0] * 61, id="zero"),
        pytest.param([0.0] * 53 + [0.1] * 8, id="a step below the floor"),
        pytest.param([*QUIET[:-1], 9.0], id="one sample out of line"),
        pytest.param([*QUIET[:-3], 9.0, None, None], id="one sample, then silence"),
        pytest.param([0.2] * 20 + [None] * 30 + [0.2] * 11, id="a gap"),
        pytest.param([1.9] * 53 + [0.2] * 8, id="a fall of a signal that only rises when it is bad"),
    ],
)
async def test_what_is_no_fault_raises_no_alert(stage: Stage, values: list[float | None]) -> None:
    stage.prometheus.plant(CPU.query, "api", values)
    assert await stage.run() == 0
    assert await stage.rows("SELECT * FROM alerts") == []


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([9.0], id="one sample"),
        pytest.param(["NaN"] * 61, id="NaN"),
        pytest.param(["+Inf"] * 61, id="infinity"),
        pytest.param([0.2] * 53 + [None] * 8, id="nothing new"),
        pytest.param([None] * 53 + [9.0] * 8, id="a service that has just started"),
        pytest.param([], id="a series without samples"),
    ],
)
async def test_too_little_data_is_logged_and_is_no_failure(
    stage: Stage, values: list[float | None], caplog: pytest.LogCaptureFixture
) -> None:
    stage.prometheus.series.clear()
    stage.prometheus.plant(CPU.query, "api", values)
    with caplog.at_level(logging.WARNING):
        assert await stage.run() == 0
    assert "api/cpu has too few samples to judge" in caplog.text
    assert "no signal had enough samples to judge" in caplog.text
    assert await stage.rows("SELECT * FROM alerts") == []


async def test_an_empty_answer_is_logged_and_is_no_failure(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.prometheus.series.clear()
    with caplog.at_level(logging.WARNING):
        assert await stage.run() == 0
    assert "no series answers the query of cpu" in caplog.text


@pytest.mark.parametrize("step", [-600, 600], ids=["behind", "ahead"])
async def test_a_jump_of_the_clock_raises_nothing(stage: Stage, step: float) -> None:
    await stage.later(0, QUIET)
    stage.prometheus.now += step
    stage.prometheus.plant(CPU.query, "api", QUIET, end=-step)
    await stage.run()
    assert await stage.rows("SELECT * FROM alerts") == []


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"<html>bad gateway</html>", id="not JSON"),
        pytest.param(b'{"status":"error","errorType":"unavailable","error":"storage is starting"}', id="an error"),
        pytest.param(b'{"status":"success","data":{"resultType":"vector"}}', id="another shape"),
    ],
)
async def test_a_prometheus_that_answers_nonsense_fails_the_run_and_resolves_nothing(
    stage: Stage, raw: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    await stage.later(0, FAULT)
    stage.prometheus.raw = raw
    assert await stage.run() == FAILED
    assert "cannot reach Prometheus" in caplog.text
    assert (await stage.rows("SELECT state FROM alerts"))[0]["state"] == "open"
    assert stage.pushed("predictive_alert")["api/cpu"] == 1


async def test_a_prometheus_that_is_down_fails_the_run_and_keeps_the_last_success(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    await stage.run()
    last = stage.pushed("detector_last_success_timestamp_seconds")
    assert await stage.run(PROMETHEUS_URL=f"http://127.0.0.1:{free_port()}") == FAILED
    assert "cannot reach Prometheus" in caplog.text
    assert stage.pushed("detector_last_success_timestamp_seconds") == last
    assert stage.pushed("detector_failures") == {"": 1}


async def test_a_gateway_that_is_down_fails_the_run_but_the_alert_is_written(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.prometheus.plant(CPU.query, "api", FAULT)
    assert await stage.run(PUSHGATEWAY_URL=f"http://127.0.0.1:{free_port()}") == FAILED
    assert "cannot push" in caplog.text
    assert len(await stage.rows("SELECT * FROM alerts")) == 1


async def test_a_database_that_is_down_fails_the_run(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    assert await stage.run(DATABASE_PORT=str(free_port())) == FAILED
    assert "cannot reach the database" in caplog.text


async def test_two_runs_never_overlap(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.prometheus.plant(CPU.query, "api", FAULT)
    holder = await stage.database.connect("detector")
    from apps.detector.run import _LOCK

    await holder.execute("SELECT pg_advisory_lock($1)", _LOCK)
    assert await stage.run() == 0
    assert "another run is under way" in caplog.text
    assert await stage.rows("SELECT * FROM alerts") == []
    await holder.close()
    assert await stage.run() == 0
    assert len(await stage.rows("SELECT * FROM alerts")) == 1


async def test_a_point_of_a_signal_teaches_the_rarity_model_once(stage: Stage) -> None:
    await stage.later(0, QUIET)
    before = await stage.rows("SELECT signal, memory FROM detector_memory ORDER BY signal")
    assert [row["signal"] for row in before] == ["platform:api/cpu", "platform:api/latency"]
    assert json.loads(before[0]["memory"])["model"]["points"] == 2
    await stage.later(0, QUIET)
    assert await stage.rows("SELECT signal, memory FROM detector_memory ORDER BY signal") == before
    await stage.later(300, QUIET)
    after = await stage.rows("SELECT memory FROM detector_memory WHERE signal = 'platform:api/cpu'")
    assert json.loads(after[0]["memory"])["model"]["points"] == 3


async def test_signals_are_configuration(stage: Stage) -> None:
    stage.prometheus.series.clear()
    stage.prometheus.plant("up", "gateway", [1] * 53 + [0] * 8)
    signals = json.dumps([{"name": "up", "query": "up", "direction": "down", "floor": 0.1}])
    assert await stage.run(SIGNALS=signals) == 0
    (alert,) = await stage.rows("SELECT * FROM alerts")
    assert alert["source"] == "gateway/up"
    assert math.isclose(alert["score"], 10)


async def test_the_command_exits_with_the_code_of_the_run(stage: Stage) -> None:
    environment = os.environ | stage.database.environment("detector") | {"PROMETHEUS_URL": stage.prometheus.url}
    environment |= {"PUSHGATEWAY_URL": stage.gateway, "SIGNALS": as_setting((CPU,))}
    command = (sys.executable, "-m", "apps.detector", "run")
    process = await asyncio.create_subprocess_exec(*command, env=environment, stderr=asyncio.subprocess.PIPE)
    _, logged = await process.communicate()
    assert process.returncode == 0
    assert json.loads(logged.splitlines()[-1])["message"].startswith("watched 1 signals")


def test_signals_that_cannot_be_read_are_explained() -> None:
    environment = {
        "AWS_REGION": "eu-west-1",
        "DATABASE_HOST": "h",
        "DATABASE_USER": "u",
        "PROMETHEUS_URL": "http://p",
        "PUSHGATEWAY_URL": "http://g",
    }
    with pytest.raises(ConfigurationError, match=r"SIGNALS=.*JSON array"):
        load(DetectorSettings, environment | {"SIGNALS": "[{]"})
