"""A service is a declaration and a line of the catalogue: everything else follows, and nothing else names it."""

from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter
from pydantic import Field

from apps.api.service import API
from apps.catalog import CATALOG
from apps.platform.catalog import Catalog
from apps.platform.declaration import Resources, Scale, Service
from apps.platform.needs import CallService, Connect, Produce
from apps.platform.resources import ServiceEndpoint
from apps.platform.settings import HttpSettings, PoolSettings, StreamSettings
from apps.resources import READINGS, SENSORS
from delivery.cost.__main__ import cost
from delivery.docs import metrics, services
from delivery.recording import Graph, build
from local import plan
from stacks import environment
from tests.stacks.stacks_under_test import environment_config

POD = "app.kubernetes.io/name"


class EchoSettings(StreamSettings, PoolSettings, HttpSettings):
    """What the made-up service reads."""

    api_url: str = Field(pattern="^http", description="Where the API answers")
    echo_volume: int = Field(7, description="How loud it answers")


METRICS = ModuleType("apps.echo.metrics")
METRICS.__dict__["ECHOES"] = Counter("echo_echoes_total", "Readings sent back.", registry=CollectorRegistry())

AS_ECHO = Connect(SENSORS, role="echo", grants={"devices": "SELECT"})

ECHO = Service(
    name="echo",
    module="apps.echo",
    settings=EchoSettings,
    needs=(
        Produce(READINGS),
        AS_ECHO,
        CallService(ServiceEndpoint(API.name)),
    ),
    scale=Scale(minimum=2, maximum=3),
    resources=Resources(cpu="10m", memory="16Mi"),
    metrics=METRICS,
)
CATALOG_WITH_ECHO = Catalog((*CATALOG.declarations, ECHO))
TODAY = date(2026, 11, 25)
IMAGE = f"registry/echo@sha256:{'0' * 64}"


@pytest.fixture(scope="module")
def graph() -> Graph:
    return build(lambda: environment.deploy(environment_config("dev", echo=IMAGE), "dev", CATALOG_WITH_ECHO))


def test_it_is_deployed_with_everything_that_its_declaration_asks_for(graph: Graph) -> None:
    (container,) = graph.one("Deployment", "echo").inputs["spec"]["template"]["spec"]["containers"]
    given = {variable["name"]: variable["value"] for variable in container["env"]}
    assert container["image"] == IMAGE
    assert given["API_URL"] == f"http://api.sensors.svc:{API.port}"
    assert given["DATABASE_USER"] == "echo"
    kinds = {resource.type.rpartition(":")[2] for resource in graph.resources if resource.name == "echo"}
    assert {
        *("Deployment", "Service", "ServiceAccount", "NetworkPolicy", "PodIdentity", "Role"),
        *("PodDisruptionBudget", "HorizontalPodAutoscaler", "ServiceMonitor"),
    } <= kinds


def test_it_may_call_the_service_that_it_declares_and_nobody_else_may(graph: Graph) -> None:
    def named(rules: list[dict[str, Any]], side: str) -> list[str | None]:
        peers = [peer for rule in rules for peer in rule[side]]
        return [peer["podSelector"]["matchLabels"].get(POD) for peer in peers if "podSelector" in peer]

    policies = {resource.name: resource.inputs["spec"] for resource in graph.of("NetworkPolicy")}
    assert named(policies["api"]["ingress"], "from") == ["echo"]
    assert "api" in named(policies["echo"]["egress"], "to")
    for name in {declaration.name for declaration in CATALOG.declarations}:
        assert "api" not in named(policies[name]["egress"], "to"), name
        assert name == "api" or "echo" not in named(policies[name].get("ingress") or [], "from"), name


def test_without_its_image_it_is_skipped_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    warnings: list[str] = []
    monkeypatch.setattr("pulumi.log.warn", warnings.append)
    graph = build(lambda: environment.deploy(environment_config("dev"), "dev", CATALOG_WITH_ECHO))
    assert [resource.type for resource in graph.resources if resource.name == "echo"] == []
    (warning,) = [line for line in warnings if "is not deployed" in line]
    assert warning.startswith("echo is not deployed: ")
    assert "nox -s images -- build --push" in warning


def test_it_runs_on_a_laptop() -> None:
    ports = plan.ports(8080, CATALOG_WITH_ECHO)
    env = plan.LocalEnvironment("http://127.0.0.1:8080", ports, "readings", Path("/secrets"), Path("/owner"))
    assert {"echo-1", "echo-2"} <= ports.keys()
    assert plan.unsupported_reason(ECHO, env) is None
    assert plan.environment(ECHO, env, ports["echo-1"])["API_URL"] == env.url("api")
    assert "echo" in plan.roles(CATALOG_WITH_ECHO)


def test_the_migration_makes_its_role() -> None:
    assert CATALOG_WITH_ECHO.roles(SENSORS)[-1] == AS_ECHO.database_role


def test_it_is_documented_with_its_settings_and_its_metrics() -> None:
    page = services.document(CATALOG_WITH_ECHO)
    assert "| echo | 2 to 3 replicas | puts records on readings<br>sensors as echo<br>calls api |" in page
    assert "| `ECHO_VOLUME` | `7` | How loud it answers |" in page
    assert "| `echo_echoes_total` |  | Readings sent back. |" in metrics.document(CATALOG_WITH_ECHO)


def test_it_is_priced_with_the_nodes_that_its_pods_take() -> None:
    alone = cost(environment_config("dev"), "dev", TODAY)
    priced = cost(environment_config("dev", echo=IMAGE), "dev", TODAY, CATALOG_WITH_ECHO)
    assert priced.at_rest.taken.memory_mib > alone.at_rest.taken.memory_mib
    for costs in (alone, priced):
        nodes = sum(line.count for line in costs.lines if line.item == "t3.medium")
        assert nodes == max(costs.at_rest.nodes, environment_config("dev").cluster.nodes.minimum)


@pytest.mark.parametrize(
    ("needs", "says"),
    [
        ({"grants": {}}, "role echo of sensors: may do nothing"),
        ({"grants": {"devcies": "SELECT"}}, "there is no table devcies"),
        ({"grants": {"devices": "SELECT, DROP"}}, "'DROP' on devices is not a privilege"),
        ({"functions": ("drop_database(text)",)}, "there is no function drop_database"),
    ],
)
def test_a_role_that_cannot_be_made_is_refused_when_it_is_declared(needs: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Connect(SENSORS, role="echo", **needs)


def test_one_role_with_two_sets_of_grants_is_refused() -> None:
    twin = Service(
        name="twin",
        module="apps.echo",
        settings=EchoSettings,
        needs=(Connect(SENSORS, role="echo", grants={"devices": "SELECT, DELETE"}),),
        resources=ECHO.resources,
    )
    with pytest.raises(ValueError, match="twin: role echo is declared with other grants too"):
        Catalog((*CATALOG_WITH_ECHO.declarations, twin))


def test_a_call_of_what_is_not_there_and_a_name_twice_are_refused() -> None:
    with pytest.raises(ValueError, match="echo calls api, which does not answer HTTP"):
        Catalog((ECHO,))
    with pytest.raises(ValueError, match="declared twice: echo"):
        Catalog((*CATALOG_WITH_ECHO.declarations, ECHO))
