"""Metrics and alerts: Prometheus, Alertmanager, Grafana and the Pushgateway, with rules and dashboards from code."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from components.binding import ClusterEndpoint
from components.cluster.chart import ON_EVERY_NODE, Chart, disabled, release, requests
from components.cluster.config import ChartsConfig
from components.component import Component
from components.observability.config import MonitoringConfig
from components.observability.network_policies import ALERTMANAGER, PROMETHEUS, PUSHGATEWAY
from components.workload.mesh import DATAPLANE_LABEL, Account

# The operator and the types that the controllers install are of one version, 0.93.1.
STACK = Chart("kube-prometheus-stack", "88.5.3", "https://prometheus-community.github.io/helm-charts")
GATEWAY = Chart("prometheus-pushgateway", "3.8.0", "https://prometheus-community.github.io/helm-charts")

PUSHGATEWAY_VALUES = {
    "serviceMonitor": {"enabled": True, "honorLabels": True},
    "resources": requests("5m", "32Mi"),
}

RECEIVERS = "receivers"
"""The Kubernetes Secret with the secret of each receiver of alerts by its name, in the monitoring namespace."""

RECEIVERS_FOLDER = f"/etc/alertmanager/secrets/{RECEIVERS}"
"""Where Alertmanager finds each in a file of its name."""

SCRAPE_INTERVAL = "15s"

LOGS_URL = "http://loki:3100"
TRACES_URL = "http://tempo:3200"


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitoringArgs:
    """What to watch with.

    `rules_name`: what the object with the rules is called. `rules`: a Prometheus rule file. `dashboards`: Grafana's, by
    identifier. `alertmanager`: its configuration. `alertmanager_secrets`: Secrets that it reads as files, RECEIVERS if
    there is one. `after`: the namespace, its network policies, the types of the operator, and those Secrets.
    """

    config: MonitoringConfig
    charts: ChartsConfig
    namespace: str
    rules_name: str
    rules: Mapping[str, Any]
    dashboards: Mapping[str, Mapping[str, Any]]
    alertmanager: Mapping[str, Any]
    alertmanager_secrets: Sequence[str] = ()
    replicas: int = 1
    retention_days: int = 15
    meshed: bool = False
    """Whether those that call services, and those that services call, are in a mesh with them."""
    after: Sequence[pulumi.Resource] = ()

    def __post_init__(self) -> None:
        if self.replicas < 1:
            raise ValueError(f"at least one Prometheus must run, not {self.replicas}")


class Monitoring(Component):
    """What watches the platform, and tells people.

    Prometheus scrapes every 15 s whatever a ServiceMonitor of any namespace names. Nobody logs in to Grafana: it shows
    and changes nothing, and is reached through `kubectl port-forward`.

    Makes:

    - Prometheus with its operator, Alertmanager and Grafana, from one chart
    - the Pushgateway
    - a PrometheusRule with every rule
    - a ConfigMap for each dashboard
    """

    prometheus: ClusterEndpoint
    alertmanager: ClusterEndpoint
    pushgateway: ClusterEndpoint
    scraper: Account
    """As whom Prometheus asks for metrics."""
    notifier: Account
    """As whom Alertmanager tells what it passes on."""

    def __init__(self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._args = args
        stack = self._release("prometheus", STACK, self._values())
        labels = {"podLabels": DATAPLANE_LABEL} if args.meshed else {}
        gateway = self._release("pushgateway", GATEWAY, {**PUSHGATEWAY_VALUES, **labels})
        self.scraper = Account(args.namespace, f"{STACK.name}-{PROMETHEUS}")
        self.notifier = Account(args.namespace, f"{STACK.name}-{ALERTMANAGER}")
        self._rules(name)
        for uid, dashboard in args.dashboards.items():
            self._dashboard(uid, dashboard)
        # The operator's own Service, whatever the release is called.
        self.prometheus = ClusterEndpoint(
            "prometheus-operated", args.namespace, 9090, pod=PROMETHEUS, depends_on=(stack,)
        )
        # An address for each replica: they do not tell each other which alerts there are.
        self.alertmanager = ClusterEndpoint(
            "alertmanager-operated", args.namespace, 9093, pod=ALERTMANAGER, depends_on=(stack,)
        )
        self.pushgateway = ClusterEndpoint(GATEWAY.name, args.namespace, 9091, pod=PUSHGATEWAY, depends_on=(gateway,))
        self.register_outputs({})

    def _release(self, name: str, chart: Chart, values: Mapping[str, Any]) -> k8s.helm.v3.Release:
        args = self._args
        return release(name, chart, args.namespace, values, charts=args.charts, parent=self, after=args.after)

    def _rules(self, name: str) -> None:
        k8s.apiextensions.CustomResource(
            f"{name}-rules",
            api_version="monitoring.coreos.com/v1",
            kind="PrometheusRule",
            metadata=k8s.meta.v1.ObjectMetaArgs(name=self._args.rules_name, namespace=self._args.namespace),
            spec=dict(self._args.rules),
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(self._args.after)),
        )

    def _dashboard(self, uid: str, content: Mapping[str, Any]) -> None:
        k8s.core.v1.ConfigMap(
            f"dashboard-{uid}",
            metadata=k8s.meta.v1.ObjectMetaArgs(
                name=f"dashboard-{uid}", namespace=self._args.namespace, labels={"grafana_dashboard": "1"}
            ),
            data={f"{uid}.json": json.dumps(content, indent=1)},
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(self._args.after)),
        )

    def _values(self) -> dict[str, Any]:
        storage_gib = self._args.config.metrics_gib
        everything = {
            f"{kind}SelectorNilUsesHelmValues": False
            for kind in ("rule", "serviceMonitor", "podMonitor", "probe", "scrapeConfig")
        }
        pods = {"podMetadata": {"labels": DATAPLANE_LABEL}} if self._args.meshed else {}
        return {
            # EKS runs these where nobody can scrape them; the types are installed already.
            **disabled("kubeControllerManager", "kubeScheduler", "kubeEtcd", "kubeProxy", "crds"),
            # Fires for as long as a failed Job is kept, however many runs work after it: rules of ours tell, and end.
            "defaultRules": {"disabled": {"KubeJobFailed": True}},
            "prometheusOperator": {
                **disabled("admissionWebhooks", "tls"),
                "resources": requests("20m", "64Mi"),
                "prometheusConfigReloader": {"resources": requests("5m", "32Mi")},
            },
            "kube-state-metrics": {"resources": requests("10m", "64Mi")},
            "prometheus-node-exporter": {"resources": requests("10m", "32Mi"), "priorityClassName": ON_EVERY_NODE},
            "kubelet": {"serviceMonitor": {"cAdvisorInterval": SCRAPE_INTERVAL}},
            "prometheus": {
                "prometheusSpec": {
                    **everything,
                    "replicas": self._args.replicas,
                    "scrapeInterval": SCRAPE_INTERVAL,
                    "evaluationInterval": SCRAPE_INTERVAL,
                    "retention": f"{self._args.retention_days}d",
                    "retentionSize": f"{storage_gib * 9 // 10}GiB",
                    "storageSpec": _volume(storage_gib),
                    "resources": requests("200m", "512Mi"),
                    **pods,
                }
            },
            "alertmanager": {
                "config": dict(self._args.alertmanager),
                "alertmanagerSpec": {
                    "replicas": self._args.replicas,
                    "secrets": list(self._args.alertmanager_secrets),
                    "storage": _volume(1),
                    "resources": requests("10m", "64Mi"),
                    **pods,
                },
            },
            "grafana": _grafana(),
        }


def _volume(gib: int) -> dict[str, Any]:
    request = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": f"{gib}Gi"}}}
    return {"volumeClaimTemplate": {"spec": request}}


def _grafana() -> dict[str, Any]:
    return {
        "grafana.ini": {
            # No account, so no password: whoever may forward a port to it may look.
            "auth": {"disable_login_form": True},
            "auth.anonymous": {"enabled": True, "org_role": "Viewer"},
            "security": {"disable_initial_admin_creation": True},
            "analytics": {"reporting_enabled": False, "check_for_updates": False},
        },
        # The chart makes an account, and sidecars that log in with it, unless this says that there is none.
        "env": {"GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION": "true"},
        "sidecar": {
            "resources": requests("5m", "64Mi"),
            "dashboards": {"skipReload": True},
            # Data sources are read at the start only: a container that ends brings them before.
            "datasources": {"skipReload": True, "initDatasources": True, "watchMethod": "LIST"},
        },
        "resources": requests("50m", "160Mi"),
        "additionalDataSources": [
            {
                "name": "Loki",
                "uid": "loki",
                "type": "loki",
                "access": "proxy",
                "url": LOGS_URL,
                "jsonData": {
                    "derivedFields": [
                        {
                            "name": "trace",
                            "matcherRegex": '"trace_id": ?"([0-9a-f]{32})"',
                            "url": "$${__value.raw}",
                            "datasourceUid": "tempo",
                        }
                    ]
                },
            },
            {"name": "Tempo", "uid": "tempo", "type": "tempo", "access": "proxy", "url": TRACES_URL},
        ],
    }
