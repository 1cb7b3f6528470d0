"""Prometheus, Alertmanager and the Pushgateway beside the services, configured from the same declarations."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from stacks.local.children import Program
from stacks.local.places import Places
from stacks.local.plan import HOST, Copy, Surroundings
from stacks.local.tools import ALERTMANAGER, PROMETHEUS, PUSHGATEWAY, Tool

SCRAPE_SECONDS = 15
RETENTION = "15d"


def programs(found: Mapping[Tool, Path], around: Surroundings, copies: Iterable[Copy], places: Places) -> list[Program]:
    """Return those that this machine has, as programs to keep, with their configuration written."""
    make = {PROMETHEUS: _prometheus, ALERTMANAGER: _alertmanager, PUSHGATEWAY: _pushgateway}
    configuration = {PROMETHEUS: scraping(around, list(copies)), ALERTMANAGER: routing(around)}
    for tool, content in configuration.items():
        folder = places.data(tool.name)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{tool.name}.yml").write_text(yaml.safe_dump(content, sort_keys=False))
    return [make[tool](path, around, places) for tool, path in found.items()]


def scraping(around: Surroundings, copies: Iterable[Copy]) -> dict[str, Any]:
    """Return Prometheus's configuration: a job for each service, as its ServiceMonitor has it on AWS."""
    targets: dict[str, list[str]] = {}
    for copy in copies:
        targets.setdefault(copy.service.name, []).append(f"{HOST}:{around.ports[copy.name]}")
    jobs = [{"job_name": name, "static_configs": [{"targets": where}]} for name, where in targets.items()]
    pushed = {
        "job_name": "pushgateway",
        "honor_labels": True,
        "static_configs": [{"targets": [f"{HOST}:{around.ports['pushgateway']}"]}],
    }
    return {
        "global": {"scrape_interval": f"{SCRAPE_SECONDS}s", "evaluation_interval": f"{SCRAPE_SECONDS}s"},
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"{HOST}:{around.ports['alertmanager']}"]}]}]},
        "rule_files": ["rules/*.yml"],
        "scrape_configs": [*jobs, pushed],
    }


def routing(around: Surroundings) -> dict[str, Any]:
    """Return Alertmanager's configuration: everything goes to the receiver that stands for Slack."""
    return {
        "route": {"receiver": "webhook", "group_by": ["alertname"], "group_wait": "5s", "group_interval": "30s"},
        "receivers": [
            {"name": "webhook", "webhook_configs": [{"url": around.url("webhook") + "/", "send_resolved": True}]}
        ],
    }


def _prometheus(path: Path, around: Surroundings, places: Places) -> Program:
    return _program(
        PROMETHEUS,
        (
            str(path),
            f"--web.listen-address={HOST}:{around.ports['prometheus']}",
            f"--storage.tsdb.path={places.data('prometheus') / 'data'}",
            f"--storage.tsdb.retention.time={RETENTION}",
            f"--config.file={places.data('prometheus') / 'prometheus.yml'}",
        ),
        around,
        places,
    )


def _alertmanager(path: Path, around: Surroundings, places: Places) -> Program:
    return _program(
        ALERTMANAGER,
        (
            str(path),
            f"--web.listen-address={HOST}:{around.ports['alertmanager']}",
            "--cluster.listen-address=",
            f"--storage.path={places.data('alertmanager') / 'data'}",
            f"--config.file={places.data('alertmanager') / 'alertmanager.yml'}",
        ),
        around,
        places,
    )


def _pushgateway(path: Path, around: Surroundings, places: Places) -> Program:
    return _program(
        PUSHGATEWAY, (str(path), f"--web.listen-address={HOST}:{around.ports['pushgateway']}"), around, places
    )


def _program(tool: Tool, command: tuple[str, ...], around: Surroundings, places: Places) -> Program:
    return Program(
        name=tool.name,
        command=command,
        log=places.logs / f"{tool.name}.log",
        ready=around.url(tool.name) + "/-/ready",
    )
