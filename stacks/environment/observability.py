"""Observability: metrics, alerts, logs, traces and the budget, declared before what they watch.

Slack's URL is the one secret that a person puts into Secrets Manager; Alertmanager starts when it is there.
"""

from dataclasses import dataclass

import pulumi

from apps.catalog import CATALOG
from apps.observability.alerts import GROUPS
from apps.observability.dashboards import DASHBOARDS
from apps.observability.notifications import alertmanager
from apps.observability.rules import rule_file
from components.cluster.namespace import Namespace, NamespaceArgs
from components.observability.monitoring import SLACK, SLACK_KEY, SLACK_URL_FILE, Monitoring, MonitoringArgs
from components.observability.network_policies import MonitoringNetworkPolicies, MonitoringNetworkPoliciesArgs
from components.observability.telemetry import Telemetry, TelemetryArgs
from stacks.config import PROJECT, EnvironmentConfig
from stacks.environment.edge import MONITORING, NAMESPACE, Edge
from stacks.environment.foundation import Foundation
from stacks.environment.retained import Retained
from stacks.retained import SLACK_URL


@dataclass(frozen=True, slots=True)
class Observability:
    """What watches and tells."""

    monitoring: Monitoring
    telemetry: Telemetry


def make_observability(
    config: EnvironmentConfig, retained: Retained, foundation: Foundation, edge: Edge, opts: pulumi.ResourceOptions
) -> Observability:
    """Declare what watches and tells."""
    network = foundation.network
    # The node exporter and the collector read the nodes' own files.
    namespace = Namespace(MONITORING, NamespaceArgs(MONITORING, pod_security="privileged"), opts)
    policies = MonitoringNetworkPolicies(
        "monitoring-network-policies",
        MonitoringNetworkPoliciesArgs(
            namespace=MONITORING,
            services=NAMESPACE,
            service_ports=[server.port for server in CATALOG.servers if server.scraped],
            nodes=network.private_cidrs,
            network=str(config.network.cidr),
            after=(namespace,),
        ),
        opts,
    )
    slack_url = retained.secrets[SLACK_URL].arn
    slack = edge.store.create_external_secret(SLACK, MONITORING, slack_url, {SLACK_KEY: None}, [namespace])
    after = (namespace, policies, *edge.bound)
    monitoring = Monitoring(
        "monitoring",
        MonitoringArgs(
            config=config.monitoring,
            charts=config.charts,
            namespace=MONITORING,
            rules_name=PROJECT,
            rules=rule_file(GROUPS, config.monitoring.documentation),
            dashboards={dashboard.uid: dashboard.render() for dashboard in DASHBOARDS},
            alertmanager=alertmanager(SLACK_URL_FILE),
            replicas=2 if config.protected else 1,
            after=(*after, slack),
        ),
        opts,
    )
    telemetry = Telemetry(
        "telemetry",
        TelemetryArgs(config=config.monitoring, charts=config.charts, namespace=MONITORING, after=after),
        opts,
    )
    return Observability(monitoring, telemetry)
