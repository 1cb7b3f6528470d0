"""Prometheus, Alertmanager and the Pushgateway beside the services, configured from the same declarations."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from apps.notifier.service import NOTIFIER
from apps.observability.alerts import GROUPS
from apps.observability.notifications import alertmanager
from apps.observability.rules import rule_file
from devtools.paths import ROOT
from devtools.tools import ALERTMANAGER, PROMETHEUS, PUSHGATEWAY, Tool
from local.paths import Paths
from local.plan import HOST, LocalEnvironment, Replica
from local.process.children import Program

SCRAPE_SECONDS = 15
RETENTION = "15d"


def programs(
    found: Mapping[Tool, Path], env: LocalEnvironment, replicas: Iterable[Replica], paths: Paths
) -> list[Program]:
    """Return those that this machine has, as programs to keep, with their configuration written."""
    make = {PROMETHEUS: _prometheus, ALERTMANAGER: _alertmanager, PUSHGATEWAY: _pushgateway}
    config = alertmanager(env.notifications, secrets=str(env.receivers.absolute()), relay=env.url(NOTIFIER.name))
    _write(paths.data(ALERTMANAGER.name) / "alertmanager.yml", yaml.safe_dump(config))
    _write(paths.data(PROMETHEUS.name) / "prometheus.yml", yaml.safe_dump(scraping(env, list(replicas))))
    _write(paths.data(PROMETHEUS.name) / "rules.yml", yaml.safe_dump(rule_file(GROUPS, ROOT.as_uri())))
    return [make[tool](path, env, paths) for tool, path in found.items()]


def scraping(env: LocalEnvironment, replicas: Iterable[Replica], seconds: int = SCRAPE_SECONDS) -> dict[str, Any]:
    """Return Prometheus's configuration: a job for each service, as its ServiceMonitor has it on AWS."""
    targets: dict[str, list[str]] = {}
    for replica in replicas:
        targets.setdefault(replica.service.name, []).append(f"{HOST}:{env.ports[replica.name]}")
    jobs = [{"job_name": name, "static_configs": [{"targets": where}]} for name, where in targets.items()]
    pushed = {
        "job_name": "pushgateway",
        "honor_labels": True,
        "static_configs": [{"targets": [f"{HOST}:{env.ports['pushgateway']}"]}],
    }
    # As the chart has it scraped: what Alertmanager could not deliver is an alert too.
    alertmanager = {
        "job_name": "alertmanager",
        "static_configs": [{"targets": [f"{HOST}:{env.ports['alertmanager']}"]}],
    }
    return {
        "global": {"scrape_interval": f"{seconds}s", "evaluation_interval": f"{seconds}s"},
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"{HOST}:{env.ports['alertmanager']}"]}]}]},
        "rule_files": ["rules.yml"],
        "scrape_configs": [*jobs, pushed, alertmanager],
    }


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def _prometheus(path: Path, env: LocalEnvironment, paths: Paths) -> Program:
    return _program(
        PROMETHEUS,
        (
            str(path),
            f"--web.listen-address={HOST}:{env.ports['prometheus']}",
            f"--storage.tsdb.path={paths.data('prometheus') / 'data'}",
            f"--storage.tsdb.retention.time={RETENTION}",
            f"--config.file={paths.data('prometheus') / 'prometheus.yml'}",
        ),
        env,
        paths,
    )


def _alertmanager(path: Path, env: LocalEnvironment, paths: Paths) -> Program:
    return _program(
        ALERTMANAGER,
        (
            str(path),
            f"--web.listen-address={HOST}:{env.ports['alertmanager']}",
            "--cluster.listen-address=",
            f"--storage.path={paths.data('alertmanager') / 'data'}",
            f"--config.file={paths.data('alertmanager') / 'alertmanager.yml'}",
        ),
        env,
        paths,
    )


def _pushgateway(path: Path, env: LocalEnvironment, paths: Paths) -> Program:
    return _program(
        PUSHGATEWAY,
        (
            str(path),
            f"--web.listen-address={HOST}:{env.ports['pushgateway']}",
            # Debian's own default is one file for the whole machine.
            f"--persistence.file={paths.home / 'pushgateway.data'}",
        ),
        env,
        paths,
    )


def _program(tool: Tool, command: tuple[str, ...], env: LocalEnvironment, paths: Paths) -> Program:
    return Program(
        name=tool.name,
        command=command,
        log=paths.logs / f"{tool.name}.log",
        ready=env.url(tool.name) + "/-/ready",
    )
