"""What follows from a declaration, and what a deployment refuses."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pulumi
import pytest
from pydantic import Field

from apps.platform.declaration import Declaration, ReleaseJob, Resources, Scale, ScheduledService, Service, StaticSite
from apps.platform.needs import HttpCall
from apps.platform.settings import HttpSettings, ProcessSettings
from apps.resources import PROMETHEUS
from components.binding import ClusterEndpoint, EgressTarget, EnvironmentVariables
from components.component import Component
from components.workload.pods import Platform, WorkloadArgs
from components.workload.scheduled_workload import ReleaseWorkload, ScheduledWorkload
from components.workload.workload import Workload
from delivery.recording import Graph, build
from tests.components import parts

IMAGE = "registry/probe@sha256:" + "0" * 64
SMALL = Resources(cpu="10m", memory="16Mi")


class ProbeSettings(HttpSettings):
    """Settings to try with."""

    prometheus_url: str = Field(pattern="^http")
    color: str = Field("blue", pattern="^(blue|red)$")


PROBE = Service(
    name="probe", module="apps.probe", settings=ProbeSettings, needs=(HttpCall(PROMETHEUS),), resources=SMALL
)
SCHEDULED = ScheduledService(
    name="nightly",
    module="apps.probe",
    settings=ProcessSettings,
    schedule="0 3 * * *",
    deadline_seconds=60,
    resources=SMALL,
)
ONCE = ReleaseJob(name="once", module="apps.probe", settings=ProcessSettings, deadline_seconds=60, resources=SMALL)


def platform(**changes: Any) -> Platform:
    given: dict[str, Any] = {
        "identities": parts.identities(),
        "namespace": "sensors",
        "product": "try",
        "providers": {PROMETHEUS: ClusterEndpoint("prometheus", "monitoring", 9090)},
        "aws": EgressTarget(443, ("0.0.0.0/0",)),
        "load_balancer": ("10.0.192.0/20",),
        "monitoring": "monitoring",
    }
    return Platform(**(given | changes))


def deploy(
    declaration: Declaration,
    kind: Callable[[str, WorkloadArgs], Component] = Workload,
    settings: EnvironmentVariables | Callable[[], EnvironmentVariables] | None = None,
    image: str = IMAGE,
    callers: tuple[str, ...] = (),
    **changes: Any,
) -> Graph:
    def program() -> None:
        own = settings() if callable(settings) else settings or {}
        kind(declaration.name, WorkloadArgs(declaration, image, platform(**changes), own, callers))

    return build(program)


def container(graph: Graph) -> dict[str, Any]:
    spec: dict[str, Any] = graph.one("Deployment").inputs["spec"]["template"]["spec"]["containers"][0]
    return spec


def test_a_need_brings_its_variable_and_its_way_through_the_network() -> None:
    graph = deploy(PROBE)
    assert {v["name"]: v["value"] for v in container(graph)["env"]} == {
        "HTTP_HOST": "0.0.0.0",
        "HTTP_PORT": "8000",
        "PROMETHEUS_URL": "http://prometheus.monitoring.svc:9090",
    }
    egress = graph.one("NetworkPolicy").inputs["spec"]["egress"]
    assert [rule["ports"][0]["port"] for rule in egress] == [53, 9090]


def test_a_workload_that_asks_nothing_of_aws_has_no_role() -> None:
    assert "probe" not in {identity.name for identity in deploy(PROBE).of("PodIdentity")}


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"COLOUR": "red"}, "probe: ProbeSettings does not read COLOUR"),
        ({"COLOR": "green"}, "probe: COLOR='green'"),
    ],
)
def test_an_unknown_variable_and_a_wrong_value_stop_the_deployment(settings: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        deploy(PROBE, settings=settings)


def test_a_missing_variable_stops_the_deployment() -> None:
    with pytest.raises(ValueError, match="probe: PROMETHEUS_URL is not set"):
        deploy(replace(PROBE, needs=()))


def test_a_wrong_value_that_is_known_only_later_stops_the_deployment_too() -> None:
    with pytest.raises(ValueError, match="probe: COLOR='green'"):
        deploy(PROBE, settings=lambda: {"COLOR": pulumi.Output.from_input("green")})


def test_a_value_that_is_known_only_later_is_passed_on() -> None:
    graph = deploy(PROBE, settings=lambda: {"COLOR": pulumi.Output.from_input("red")})
    assert {v["name"]: v["value"] for v in container(graph)["env"]}["COLOR"] == "red"


def test_a_need_that_the_stack_cannot_meet_is_named() -> None:
    with pytest.raises(ValueError, match=r"HttpCall\(prometheus\): the stack has no prometheus"):
        deploy(PROBE, providers={})


def test_an_image_by_tag_is_refused() -> None:
    with pytest.raises(ValueError, match=r"probe: the image 'registry/probe:1\.2' is not given by digest"):
        deploy(PROBE, image="registry/probe:1.2")


def test_a_single_copy_has_neither_autoscaler_nor_budget() -> None:
    graph = deploy(PROBE)
    assert graph.one("Deployment").inputs["spec"]["replicas"] == 1
    assert graph.of("PodDisruptionBudget") + graph.of("HorizontalPodAutoscaler") == []


def test_copies_that_scale_have_both() -> None:
    graph = deploy(replace(PROBE, scale=Scale(2, 5, cpu=0.65)))
    scaler = graph.one("HorizontalPodAutoscaler").inputs["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (2, 5)
    assert scaler["metrics"][0]["resource"]["target"]["averageUtilization"] == 65
    assert graph.one("PodDisruptionBudget").inputs["spec"]["maxUnavailable"] == 1


def test_a_public_service_waits_for_the_load_balancer_before_it_stops_and_an_inner_one_need_not() -> None:
    assert "lifecycle" not in container(deploy(PROBE))
    public = container(deploy(replace(PROBE, public=("/probe",))))
    assert public["lifecycle"]["preStop"]["sleep"]["seconds"] == 10


def test_a_static_site_has_no_settings_and_no_metrics() -> None:
    graph = deploy(StaticSite(name="site", resources=SMALL))
    assert container(graph)["env"] == []
    assert graph.of("ServiceMonitor") == []


def test_traces_go_to_the_collector_where_there_is_one() -> None:
    graph = deploy(PROBE, traces=EgressTarget(4318, namespace="monitoring"), traces_url="http://collector:4318")
    assert {v["name"]: v["value"] for v in container(graph)["env"]}[
        "OTEL_EXPORTER_OTLP_ENDPOINT"
    ] == "http://collector:4318"


def test_a_schedule_becomes_a_cron_job_that_never_overlaps() -> None:
    spec = deploy(SCHEDULED, ScheduledWorkload).one("CronJob").inputs["spec"]
    assert (spec["schedule"], spec["timeZone"], spec["concurrencyPolicy"]) == ("0 3 * * *", "Etc/UTC", "Forbid")
    assert spec["jobTemplate"]["spec"]["activeDeadlineSeconds"] == 60


def test_a_release_job_becomes_a_job_without_a_fixed_name_so_that_the_next_can_stand_beside_it() -> None:
    job = deploy(ONCE, ReleaseWorkload).one("Job")
    assert "name" not in job.inputs["metadata"]


@pytest.mark.parametrize(
    ("declaration", "kind"), [(SCHEDULED, Workload), (PROBE, ScheduledWorkload), (PROBE, ReleaseWorkload)]
)
def test_a_declaration_of_another_kind_is_refused(
    declaration: Declaration, kind: Callable[[str, WorkloadArgs], Component]
) -> None:
    with pytest.raises(TypeError):
        deploy(declaration, kind)
