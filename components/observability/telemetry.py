"""Logs and traces: Loki and Tempo keep them, the OpenTelemetry Collector brings them there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from components.binding import EgressTarget
from components.cluster.chart import ON_EVERY_NODE, Chart, disabled, release, requests
from components.cluster.config import ChartsConfig
from components.component import Component
from components.observability.config import MonitoringConfig

LOKI = Chart("loki", "18.11.0", "https://grafana-community.github.io/helm-charts")
TEMPO = Chart("tempo", "2.2.4", "https://grafana-community.github.io/helm-charts")
COLLECTOR = Chart("opentelemetry-collector", "0.170.0", "https://open-telemetry.github.io/opentelemetry-helm-charts")

OTLP_HTTP = 4318


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetryArgs:
    """Where logs and traces are kept, how much of them, and for how long."""

    config: MonitoringConfig
    charts: ChartsConfig
    namespace: str
    retention_days: int = 7
    after: Sequence[pulumi.Resource] = ()

    def __post_init__(self) -> None:
        if self.retention_days < 1:
            raise ValueError(f"logs and traces are kept for at least 1 day, not {self.retention_days}")


class Telemetry(Component):
    """What keeps logs and traces, and brings them there.

    Makes, each from its chart:

    - Loki
    - Tempo
    - an OpenTelemetry Collector on each node, which reads the pods' logs and takes traces over OTLP
    """

    traces: EgressTarget
    """Where services send their traces."""
    traces_url: str

    def __init__(self, name: str, args: TelemetryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)

        def install(name: str, chart: Chart, values: Mapping[str, Any], after: Sequence[pulumi.Resource]) -> Any:
            return release(name, chart, args.namespace, values, charts=args.charts, parent=self, after=after)

        loki = install("loki", LOKI, _loki(args), args.after)
        tempo = install("tempo", TEMPO, _tempo(args), args.after)
        install("collector", COLLECTOR, _collector(), (loki, tempo))
        self.traces = EgressTarget(OTLP_HTTP, namespace=args.namespace, pod=COLLECTOR.name)
        self.traces_url = f"http://{COLLECTOR.name}.{args.namespace}.svc:{OTLP_HTTP}"
        self.register_outputs({})


def _loki(args: TelemetryArgs) -> dict[str, Any]:
    schema = {"from": "2026-01-01", "store": "tsdb", "object_store": "filesystem", "schema": "v13"}
    return {
        **disabled("chunksCache", "resultsCache", "lokiCanary", "test", "gateway"),
        "deploymentMode": "Monolithic",
        "singleBinary": {
            "replicas": 1,
            "persistence": {"size": f"{args.config.telemetry_gib}Gi"},
            "resources": requests("50m", "256Mi"),
        },
        **{part: {"replicas": 0} for part in ("read", "write", "backend")},
        "sidecar": {"rules": {"enabled": False}},
        "monitoring": {"serviceMonitor": {"enabled": True}},
        "loki": {
            "auth_enabled": False,
            "commonConfig": {"replication_factor": 1},
            "storage": {"type": "filesystem"},
            "schemaConfig": {"configs": [{**schema, "index": {"prefix": "index_", "period": "24h"}}]},
            "limits_config": {"retention_period": f"{args.retention_days * 24}h"},
            "compactor": {"retention_enabled": True, "delete_request_store": "filesystem"},
            "analytics": {"reporting_enabled": False},
        },
    }


def _tempo(args: TelemetryArgs) -> dict[str, Any]:
    return {
        "tempo": {
            "retention": f"{args.retention_days * 24}h",
            "receivers": {"otlp": {"protocols": {"grpc": {"endpoint": "0.0.0.0:4317"}}}},
            "reportingEnabled": False,
            # A quarter of a small node, for nothing: Go would let its heap grow to twice that before it collects.
            "memBallastSizeMbs": 0,
            "resources": requests("30m", "192Mi"),
        },
        "replicas": 1,
        "serviceMonitor": {"enabled": True},
        "persistence": {"enabled": True, "size": f"{args.config.telemetry_gib}Gi"},
    }


def _collector() -> dict[str, Any]:
    return {
        "mode": "daemonset",
        "priorityClassName": ON_EVERY_NODE,
        "image": {"repository": "otel/opentelemetry-collector-k8s"},
        "service": {"enabled": True},
        "presets": {
            # With checkpoints a restart loses and repeats nothing.
            "logsCollection": {"enabled": True, "storeCheckpoints": True},
            "kubernetesAttributes": {"enabled": True},
        },
        # Only root may read the logs that containerd writes. It owns them, and needs no capability for that.
        "securityContext": {
            "runAsUser": 0,
            "runAsGroup": 0,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "ports": {
            **disabled("jaeger-compact", "jaeger-thrift", "jaeger-grpc", "zipkin"),
            # Services call the Service: nothing needs a port of the node.
            "otlp": {"hostPort": None},
            "otlp-http": {"hostPort": None},
            "metrics": {"enabled": True},
        },
        "podMonitor": {"enabled": True},
        "resources": {**requests("50m", "128Mi"), "limits": {"memory": "256Mi"}},
        "config": {
            # None takes away what the chart has by default.
            "receivers": dict.fromkeys(("jaeger", "zipkin", "prometheus")),
            "exporters": {
                "otlp/tempo": {"endpoint": "tempo:4317", "tls": {"insecure": True}},
                "otlphttp/loki": {"endpoint": "http://loki:3100/otlp"},
            },
            "service": {
                "pipelines": {
                    "traces": {"receivers": ["otlp"], "exporters": ["otlp/tempo"]},
                    "logs": {"exporters": ["otlphttp/loki"]},
                    "metrics": None,
                }
            },
        },
    }
