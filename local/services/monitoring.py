"""Prometheus, Alertmanager and the Pushgateway beside the services, configured from the same declarations."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from apps.observability.alerts import GROUPS
from apps.observability.notifications import alertmanager
from apps.observability.rules import rule_file
from devtools.paths import ROOT
from devtools.tools import ALERTMANAGER, PROMETHEUS, PUSHGATEWAY, Tool
from local.paths import Places
from local.plan import HOST, Copy, Surroundings
from local.process.children import Program

SCRAPE_SECONDS = 15
RETENTION = "15d"


def programs(found: Mapping[Tool, Path], around: Surroundings, copies: Iterable[Copy], places: Places) -> list[Program]:
    """Return those that this machine has, as programs to keep, with their configuration written."""
    make = {PROMETHEUS: _prometheus, ALERTMANAGER: _alertmanager, PUSHGATEWAY: _pushgateway}
    slack = places.data(ALERTMANAGER.name) / "slack-url"
    _write(slack, around.url("webhook") + "/")
    _write(places.data(ALERTMANAGER.name) / "alertmanager.yml", yaml.safe_dump(alertmanager(str(slack))))
    _write(places.data(PROMETHEUS.name) / "prometheus.yml", yaml.safe_dump(scraping(around, list(copies))))
    _write(places.data(PROMETHEUS.name) / "rules.yml", yaml.safe_dump(rule_file(GROUPS, ROOT.as_uri())))
    return [make[tool](path, around, places) for tool, path in found.items()]


def scraping(around: Surroundings, copies: Iterable[Copy], seconds: int = SCRAPE_SECONDS) -> dict[str, Any]:
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
        "global": {"scrape_interval": f"{seconds}s", "evaluation_interval": f"{seconds}s"},
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"{HOST}:{around.ports['alertmanager']}"]}]}]},
        "rule_files": ["rules.yml"],
        "scrape_configs": [*jobs, pushed],
    }


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


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
        PUSHGATEWAY,
        (
            str(path),
            f"--web.listen-address={HOST}:{around.ports['pushgateway']}",
            # Debian's own default is one file for the whole machine.
            f"--persistence.file={places.home / 'pushgateway.data'}",
        ),
        around,
        places,
    )


def _program(tool: Tool, command: tuple[str, ...], around: Surroundings, places: Places) -> Program:
    return Program(
        name=tool.name,
        command=command,
        log=places.logs / f"{tool.name}.log",
        ready=around.url(tool.name) + "/-/ready",
    )
