"""Every rule and every panel finds what it asks for in a real Prometheus that scrapes the real services."""

import json
import math
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import yaml
from prometheus_client import CollectorRegistry, Gauge, start_http_server
from websockets.sync.client import connect

from apps.catalog import CATALOG
from apps.detector.service import DETECTOR
from apps.gateway.metrics import RECORDS_RETRIED
from apps.ingestor.metrics import KINESIS_ERRORS, RESTARTS
from apps.observability.alerts import GROUPS
from apps.observability.dashboards import DASHBOARDS
from apps.observability.rules import rule_file
from apps.platform import exporters
from apps.platform.promql import RATE_INTERVAL, Expression
from devtools.ports import free_port
from tests.platform.running import RunningPlatform, running_platform
from tests.support import monitoring
from tests.support.kinesis import KinesisServer
from tests.support.postgres import TestDatabase

AFTER_FAULTS = {exporters.ALERTS, KINESIS_ERRORS, RECORDS_RETRIED, RESTARTS}
"""Metrics that have no series before the first fault."""


def questions() -> dict[str, Expression]:
    """Return what every rule and panel asks, by a name for it."""
    expressions = {}
    for group in GROUPS:
        for number, rule in enumerate(group.rules):
            expressions[f"{group.name}[{number}]"] = rule.expression
    for dashboard in DASHBOARDS:
        for panel in dashboard.panels:
            for query in panel.queries:
                expressions[f"{dashboard.title} / {panel.title} / {query.legend}"] = query.expression
    return expressions


def whether(expression: Expression) -> str:
    """Return a question that is answered also while nothing is wrong, if what it is about exists."""
    text = expression.text.replace(RATE_INTERVAL, "1m").replace("absent(", "(")
    for comparison in (" > ", " < ", " == "):
        text = text.replace(comparison, f"{comparison}bool ")
    return text


@contextmanager
def cluster() -> Iterator[dict[str, str]]:
    """Stand for what only a cluster has: its state metrics, its jobs, and what of others is scraped there."""
    registry = CollectorRegistry()
    registry.register(exporters.POD_RESTARTS)
    exporters.POD_RESTARTS.labels("sensors", "api-1", "api").inc()
    for metric in (exporters.CRONJOB_SCHEDULED, exporters.CRONJOB_SUCCEEDED):
        registry.register(metric)
        for job in CATALOG.scheduled:
            metric.labels("sensors", job.name).set_to_current_time()
    for counter in (exporters.NOTIFICATIONS_FAILED, exporters.LOG_LINES):
        registry.register(counter)
    exporters.NOTIFICATIONS_FAILED.labels("webhook")
    # Of the jobs one runs here, and pushes what it measures.
    for module in {job.metrics for job in CATALOG.scheduled if job.metrics and job is not DETECTOR}:
        for gauge in vars(module).values():
            if isinstance(gauge, Gauge) and not gauge._labelnames:
                registry.register(gauge)
                gauge.set_to_current_time()
    port = free_port()
    server, thread = start_http_server(port, "127.0.0.1", registry)
    node = shutil.which("prometheus-node-exporter") or shutil.which("node_exporter")
    if node is None:
        pytest.skip("the node exporter is not on PATH")
    node_port = free_port()
    process = subprocess.Popen([node, f"--web.listen-address=127.0.0.1:{node_port}"], stderr=subprocess.DEVNULL)
    try:
        yield {"kube-state-metrics": f"127.0.0.1:{port}", "node-exporter": f"127.0.0.1:{node_port}"}
    finally:
        process.terminate()
        process.wait(20)
        server.shutdown()
        server.server_close()
        thread.join()


class Questioner:
    """Asks a Prometheus, and knows what was not answered yet."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=30)
        self.open = questions()

    def ask(self) -> None:
        for name, expression in list(self.open.items()):
            answer = self.http.get("/api/v1/query", params={"query": whether(expression)})
            assert answer.status_code == 200, (name, answer.text)
            if any(math.isfinite(float(series["value"][1])) for series in answer.json()["data"]["result"]):
                del self.open[name]

    def unanswered(self, *, faults: bool) -> list[str]:
        return [name for name, question in self.open.items() if bool(question.metrics & AFTER_FAULTS) == faults]


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_every_expression_finds_its_metrics(
    database: TestDatabase, ministack: KinesisServer, stream: str, tmp_path: Path
) -> None:
    rules = rule_file(GROUPS, "https://example.org")
    for group in rules["groups"]:
        group["interval"] = "1s"
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(rules))
    monitoring.remember_a_quiet_quarter_of_an_hour(tmp_path)  # the detector judges nothing that it has just met
    with ExitStack() as stack:
        running = stack.enter_context(running_platform(database, ministack, stream, tmp_path))
        targets = stack.enter_context(cluster())
        ports = running.env.ports
        stack.enter_context(monitoring.pushgateway(tmp_path, ports["pushgateway"]))
        configuration = running.scrape_configuration(**targets)
        url = stack.enter_context(monitoring.configured_prometheus(tmp_path, configuration, ports["prometheus"]))
        questioner = Questioner(url)
        live = stack.enter_context(connect(f"ws://127.0.0.1:{ports['api']}/api/live"))
        live.send(json.dumps({"type": "subscribe", "device_ids": None, "metrics": None, "alerts": True}))
        uploads = running.upload_url("device-1")
        for faults in (False, True):
            if faults:
                ministack.client().delete_stream(StreamName=stream)
            deadline = time.monotonic() + 180  # completeness looks at what was accepted a minute ago
            while questioner.unanswered(faults=faults) and time.monotonic() < deadline:
                _use(running, uploads)
                questioner.ask()
            assert not questioner.unanswered(faults=faults)


def _use(running: RunningPlatform, uploads: str) -> None:
    running.put(uploads, 1.0, 2.0)
    running.http.put(uploads, json=[{"metric": "BAD", "ts": datetime.now(UTC).isoformat(), "value": 1.0}])
    for path in ("/api/devices", "/api/readings?device_id=device-1&metric=metric_0", "/api/nothing"):
        running.http.get(running.env.url("api") + path)
    running.run_detector()
