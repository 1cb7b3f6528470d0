"""What sees and tells in an environment: installed before what it watches, configured from code, without a secret."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from apps.notifier.service import NOTIFIER
from apps.observability.alerts import GROUPS
from apps.observability.dashboards import DASHBOARDS
from apps.observability.rules import alert_rules, rule_file
from components.cluster.config import ChartsConfig
from components.observability.config import MonitoringConfig
from components.observability.monitoring import RECEIVERS, RECEIVERS_FOLDER, MonitoringArgs
from delivery.recording import Graph, RecordedResource
from tests.stacks.stacks_under_test import environment_graph

BOTH = pytest.mark.parametrize("stack", ["dev", "prod"])


def values(stack: str, chart: str) -> dict[str, Any]:
    given: dict[str, Any] = environment_graph(stack).one("Release", chart).inputs["values"]
    return given


def custom(graph: Graph, kind: str) -> list[RecordedResource]:
    return [resource for resource in graph.resources if resource.inputs.get("kind") == kind]


@BOTH
def test_prometheus_scrapes_every_15_seconds_and_remembers_15_days(stack: str) -> None:
    spec = values(stack, "prometheus")["prometheus"]["prometheusSpec"]
    assert (spec["scrapeInterval"], spec["retention"]) == ("15s", "15d")
    assert spec["serviceMonitorSelectorNilUsesHelmValues"] is False, "monitors of every release and namespace count"
    assert "storage" in str(spec["storageSpec"]), "without a volume, 15 days end with the pod"


@BOTH
def test_every_rule_is_there_and_links_the_documentation(stack: str) -> None:
    (rules,) = custom(environment_graph(stack), "PrometheusRule")
    documentation = "https://github.com/example/sensor-analytics/blob/main"
    assert rules.inputs["spec"] == rule_file(GROUPS, documentation)
    links = [
        rule["annotations"]["runbook_url"]
        for group in rules.inputs["spec"]["groups"]
        for rule in group["rules"]
        if "alert" in rule
    ]
    assert len(links) == len(alert_rules(GROUPS))
    assert all(link.startswith(f"{documentation}/docs/operations.md#") for link in links)


@BOTH
def test_grafana_finds_every_dashboard(stack: str) -> None:
    found = {
        name: json.loads(text)["title"]
        for resource in environment_graph(stack).of("ConfigMap")
        if "grafana_dashboard" in resource.inputs["metadata"].get("labels", {})
        for name, text in resource.inputs["data"].items()
    }
    assert found == {f"{dashboard.uid}.json": dashboard.title for dashboard in DASHBOARDS}


@BOTH
def test_receivers_secrets_come_from_secrets_manager_as_the_files_that_alertmanager_reads(stack: str) -> None:
    graph = environment_graph(stack)
    (copied,) = [resource for resource in custom(graph, "ExternalSecret") if resource.name == RECEIVERS]
    alertmanager = values(stack, "prometheus")["alertmanager"]
    assert copied.inputs["metadata"]["namespace"] == "monitoring"
    (data,) = copied.inputs["spec"]["data"]
    assert (data["secretKey"], data["remoteRef"]["property"]) == ("slack", "slack")
    assert f":secret:sensor-analytics/{stack}/{RECEIVERS}-" in data["remoteRef"]["key"]
    assert alertmanager["alertmanagerSpec"]["secrets"] == [RECEIVERS]
    receivers = {receiver["name"]: receiver for receiver in alertmanager["config"]["receivers"]}
    (slack,) = receivers["slack"]["slack_configs"]
    assert slack["api_url_file"] == f"{RECEIVERS_FOLDER}/slack" == f"/etc/alertmanager/secrets/{RECEIVERS}/slack"
    # Where nothing is said, titles lead to Alertmanager's own address, which is inside the cluster.
    assert "runbook_url" in slack["title_link"]
    assert "hooks.slack.com" not in json.dumps(values(stack, "prometheus"))


@pytest.mark.skipif(shutil.which("amtool") is None, reason="amtool is not on PATH")
def test_alertmanager_takes_its_configuration(tmp_path: Path) -> None:
    file = tmp_path / "alertmanager.yml"
    file.write_text(yaml.safe_dump(values("dev", "prometheus")["alertmanager"]["config"]))
    done = subprocess.run(["amtool", "check-config", str(file)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@BOTH
def test_services_find_prometheus_pushgateway_and_collector_where_the_charts_put_them(stack: str) -> None:
    graph = environment_graph(stack)
    detector = json.dumps(graph.one("CronJob", "detector").inputs["spec"])
    assert "http://prometheus-operated.monitoring.svc:9090" in detector
    assert "http://prometheus-pushgateway.monitoring.svc:9091" in detector
    assert "http://opentelemetry-collector.monitoring.svc:4318" in json.dumps(graph.one("Deployment", "api").inputs)
    for name in ("prometheus", "pushgateway", "loki", "tempo", "collector"):
        release = graph.one("Release", name)
        assert release.inputs["name"] == release.inputs["chart"], "the Services are called after the release"


@BOTH
def test_the_types_of_the_operator_come_before_whoever_uses_them(stack: str) -> None:
    graph = environment_graph(stack)
    types = graph.one("Release", "monitor-types")
    for later in (
        graph.one("Release", "prometheus"),
        *custom(graph, "PrometheusRule"),
        *custom(graph, "ServiceMonitor"),
    ):
        assert graph.waits_for(later, types), later.name


@BOTH
def test_only_alertmanager_of_the_monitoring_namespace_may_reach_the_internet(stack: str) -> None:
    policies = [
        resource.inputs
        for resource in environment_graph(stack).of("NetworkPolicy")
        if resource.inputs["metadata"]["namespace"] == "monitoring"
    ]
    outward = [policy for policy in policies if "0.0.0.0/0" in json.dumps(policy["spec"].get("egress", []))]
    (policy,) = outward
    assert policy["spec"]["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "alertmanager"}
    (rule,) = [rule for rule in policy["spec"]["egress"] if "0.0.0.0/0" in json.dumps(rule)]
    assert rule["ports"] == [{"port": 443, "protocol": "TCP"}]
    (relay,) = [rule for rule in policy["spec"]["egress"] if NOTIFIER.name in json.dumps(rule)]
    assert relay["ports"] == [{"port": NOTIFIER.port, "protocol": "TCP"}]
    assert any(
        policy["spec"]["policyTypes"] == ["Ingress", "Egress"] and not policy["spec"].get("egress")
        for policy in policies
    )


def test_prod_runs_two_of_what_tells_people_and_dev_one() -> None:
    replicas = {
        stack: (
            values(stack, "prometheus")["prometheus"]["prometheusSpec"]["replicas"],
            values(stack, "prometheus")["alertmanager"]["alertmanagerSpec"]["replicas"],
        )
        for stack in ("dev", "prod")
    }
    assert replicas == {"dev": (1, 1), "prod": (2, 2)}


def test_a_prometheus_without_room_or_replicas_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one Prometheus"):
        MonitoringArgs(
            config=MonitoringConfig(documentation="https://example.com"),
            charts=ChartsConfig(),
            namespace="m",
            rules_name="m",
            rules={},
            dashboards={},
            alertmanager={},
            replicas=0,
        )
    with pytest.raises(ValueError, match=r"metrics_gib\n.* greater than or equal to 5"):
        MonitoringConfig(documentation="https://example.com", metrics_gib=0)


@BOTH
def test_the_collector_may_read_the_nodes_logs_and_remembers_how_far(stack: str) -> None:
    collector = values(stack, "collector")
    assert collector["presets"]["logsCollection"]["storeCheckpoints"] is True
    assert collector["securityContext"]["runAsUser"] == 0
    assert collector["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert {collector["ports"][port]["hostPort"] for port in ("otlp", "otlp-http")} == {None}


@BOTH
def test_what_watches_a_node_finds_room_on_it_however_full_it_is(stack: str) -> None:
    of_nodes = (values(stack, "collector"), values(stack, "prometheus")["prometheus-node-exporter"])
    assert {chart["priorityClassName"] for chart in of_nodes} == {"system-node-critical"}


@BOTH
def test_containers_are_measured_as_often_as_everything_else(stack: str) -> None:
    stack_values = values(stack, "prometheus")
    interval = stack_values["prometheus"]["prometheusSpec"]["scrapeInterval"]
    assert stack_values["kubelet"]["serviceMonitor"]["cAdvisorInterval"] == interval


@BOTH
def test_grafana_has_no_account_and_needs_none(stack: str) -> None:
    grafana = values(stack, "prometheus")["grafana"]
    assert grafana["env"]["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"] == "true"
    sidecar = grafana["sidecar"]
    assert sidecar["dashboards"]["skipReload"] is True
    assert sidecar["datasources"] == {"skipReload": True, "initDatasources": True, "watchMethod": "LIST"}


@BOTH
def test_nothing_keeps_memory_for_show_or_reports_home(stack: str) -> None:
    tempo, loki = values(stack, "tempo")["tempo"], values(stack, "loki")["loki"]
    assert tempo["memBallastSizeMbs"] == 0
    assert tempo["reportingEnabled"] is False
    assert loki["analytics"]["reporting_enabled"] is False


@BOTH
def test_only_pods_behind_the_load_balancer_wait_for_it(stack: str) -> None:
    gated = [
        resource.name
        for resource in environment_graph(stack).of("kubernetes:core/v1:Namespace")
        if "elbv2.k8s.aws/pod-readiness-gate-inject" in resource.inputs["metadata"]["labels"]
    ]
    assert gated == ["sensors"]


@BOTH
def test_logs_and_traces_that_stop_are_noticed(stack: str) -> None:
    assert values(stack, "loki")["monitoring"]["serviceMonitor"]["enabled"] is True
    assert values(stack, "tempo")["serviceMonitor"]["enabled"] is True
    assert values(stack, "collector")["podMonitor"]["enabled"] is True
    assert values(stack, "collector")["ports"]["metrics"]["enabled"] is True
