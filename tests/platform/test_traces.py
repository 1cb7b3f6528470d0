"""One trace follows a reading from the device to the answer that shows it, and no secret comes along."""

import asyncio
import base64
import json
import secrets
import time
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from devtools.postgres import Postgres
from tests.platform.running import RunningPlatform, running_platform
from tests.support.kinesis import KinesisServer
from tests.support.otlp import Collector, collecting
from tests.support.postgres import copy_template, drop_database


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="module")
def running(
    postgres_server: Postgres, ministack: KinesisServer, tmp_path_factory: pytest.TempPathFactory, collector: Collector
) -> Iterator[RunningPlatform]:
    database = asyncio.run(copy_template(postgres_server))
    stream = ministack.create_stream(f"readings-{secrets.token_hex(6)}")
    telemetry = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "100", "LOG_LEVEL": "DEBUG"}
    with running_platform(database, ministack, stream, tmp_path_factory.mktemp("platform"), **telemetry) as running:
        yield running
    asyncio.run(drop_database(database))


def until(true: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def test_one_trace_leads_from_the_put_to_the_row_and_to_its_reader(
    running: RunningPlatform, collector: Collector
) -> None:
    trace_id, device_span = secrets.token_hex(16), secrets.token_hex(8)
    headers = {"traceparent": f"00-{trace_id}-{device_span}-01"}
    latest = f"{running.env.url('api')}/api/readings/latest?device_id=device-1"
    assert running.put(running.upload_url("device-1"), 21.5, **headers).status_code == 202
    until(lambda: running.http.get(latest, headers=headers).json()["items"])
    until(lambda: {"gateway", "ingestor", "api"} <= {received.service for received in collector.trace(trace_id)})

    spans = {received.name: received for received in collector.trace(trace_id)}
    put, store, get = (
        spans[name] for name in ("PUT /ingest/{device_id}", "store readings", "GET /api/readings/latest")
    )
    assert (put.service, put.parent_id) == ("gateway", device_span)
    assert (store.service, store.parent_id) == ("ingestor", put.span_id)
    assert (get.service, get.parent_id) == ("api", device_span)
    batch = [received for received in collector.received if received.name == "store batch"]
    assert store.span.links[0].span_id.hex() in {received.span_id for received in batch}
    assert any(link.trace_id.hex() == trace_id for received in batch for link in received.span.links)


def test_logs_are_json_and_neither_they_nor_traces_hold_a_secret(
    running: RunningPlatform, collector: Collector
) -> None:
    url = running.upload_url("device-1")
    token = running.operator["Authorization"].removeprefix("Bearer ")
    query = parse_qs(urlsplit(url).query)
    wrong = {"Authorization": "Bearer a-wrong-token-that-nobody-may-see"}
    running.put(url, 1.0)
    running.put(url.replace("signature=", "signature=x"), 1.0)
    running.http.put(url, content=b"[not json")
    running.http.post(f"{running.env.url('api')}/api/devices", json={"device_id": "x"}, headers=wrong)
    running.run_detector()
    until(lambda: {"gateway", "api", "ingestor"} <= {received.service for received in collector.received})

    keys = json.loads((running.env.secrets / "signing-keys").read_text())["keys"].values()
    known = [token, *query["signature"], wrong["Authorization"].removeprefix("Bearer "), "signature="]
    for key in keys:
        text = key if isinstance(key, str) else key["key"]
        known += [text, base64.b64decode(text).hex()]
    logs = {name: running.log(name) for name in (*running.processes, "detector")}
    for name, log in logs.items():
        lines = [json.loads(line) for line in log.splitlines()]
        assert {line["service"] for line in lines} <= {name.partition("-")[0]}
    assert logs["gateway"]
    assert logs["detector"]
    spans = "\n".join(str(received.span) for received in collector.received)
    for secret in known:
        assert secret not in spans
        assert not [name for name, log in logs.items() if secret in log], secret
