"""The programs beside the services take the configuration that the stack writes for them."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from apps.catalog import CATALOG
from apps.ingestor.service import INGESTOR
from devtools.tools import ALERTMANAGER, MONITORING, PROMETHEUS
from local import plan
from local.infrastructure import monitoring
from local.paths import Paths
from local.routing import provide_secrets

ENV = plan.LocalEnvironment(
    front_door="http://127.0.0.1:8080",
    ports=plan.ports(8080, CATALOG),
    stream="readings",
    secrets=Path("secrets"),
    owner_password=Path("owner"),
)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = Paths(tmp_path)
    env = replace(ENV, secrets=paths.secrets)
    provide_secrets(env, own=True)
    monitoring.programs(dict.fromkeys(MONITORING, Path("program")), env, plan.replicas(CATALOG), paths)
    return paths


def check(*command: str | Path) -> None:
    if shutil.which(str(command[0])) is None:
        pytest.skip(f"{command[0]} is not on PATH")
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_takes_its_configuration_and_every_rule(paths: Paths) -> None:
    check("promtool", "check", "config", paths.data(PROMETHEUS.name) / "prometheus.yml")


def test_alertmanager_takes_its_configuration(paths: Paths) -> None:
    check("amtool", "check-config", paths.data(ALERTMANAGER.name) / "alertmanager.yml")


def test_every_replica_of_a_service_is_scraped_under_the_services_name() -> None:
    jobs = {
        job["job_name"]: len(job["static_configs"][0]["targets"])
        for job in monitoring.scraping(ENV, plan.replicas(CATALOG))["scrape_configs"]
    }
    services = {service.name for service in CATALOG.services}
    assert set(jobs) == {*services, "alertmanager", "pushgateway"}
    assert jobs[INGESTOR.name] == INGESTOR.scale.minimum > 1
