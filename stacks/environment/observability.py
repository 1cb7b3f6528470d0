"""Observability: metrics, alerts, logs, traces and the budget, declared before what they watch.

Slack's URL is the one secret that a person puts into Secrets Manager; Alertmanager starts when it is there.
"""

from dataclasses import dataclass

import pulumi

from apps.observability.alerts import GROUPS
from apps.observability.dashboards import DASHBOARDS
from apps.observability.notifications import alertmanager
from apps.observability.rules import rule_file
from components.account.budget import Budget, BudgetArgs
from components.cluster.namespace import Namespace, NamespaceArgs
from components.observability.monitoring import SLACK, SLACK_KEY, SLACK_URL_FILE, Monitoring, MonitoringArgs
from components.observability.monitoring_ways import MonitoringWays, MonitoringWaysArgs
from components.observability.telemetry import Telemetry, TelemetryArgs
from stacks.config import EnvironmentConfig
from stacks.environment.data import Data
from stacks.environment.edge import NAMESPACE, Edge
from stacks.environment.foundation import Foundation

MONITORING = "monitoring"


@dataclass(frozen=True, slots=True)
class Observability:
    """What watches and tells."""

    monitoring: Monitoring
    telemetry: Telemetry
    budget: Budget


def make_observability(
    config: EnvironmentConfig, stack: str, foundation: Foundation, data: Data, edge: Edge, opts: pulumi.ResourceOptions
) -> Observability:
    """Declare what watches and tells."""
    sizes, network = config.monitoring, foundation.network
    # The node exporter and the collector read the nodes' own files.
    namespace = Namespace(MONITORING, NamespaceArgs(MONITORING, pod_security="privileged"), opts)
    ways = MonitoringWays(
        "monitoring-ways",
        MonitoringWaysArgs(MONITORING, NAMESPACE, network.private_cidrs, str(config.network.cidr), (namespace,)),
        opts,
    )
    slack = edge.store.copy(SLACK, MONITORING, data.slack_url.arn, {SLACK_KEY: None}, [namespace])
    after = (namespace, ways, *edge.bound)
    monitoring = Monitoring(
        "monitoring",
        MonitoringArgs(
            namespace=MONITORING,
            rules=rule_file(GROUPS, str(sizes.documentation)),
            dashboards={dashboard.uid: dashboard.render() for dashboard in DASHBOARDS},
            alertmanager=alertmanager(SLACK_URL_FILE),
            storage_gib=sizes.metrics_gib,
            copies=2 if config.protected else 1,
            mirror=config.charts.mirror,
            after=(*after, slack),
        ),
        opts,
    )
    telemetry = Telemetry(
        "telemetry",
        TelemetryArgs(namespace=MONITORING, storage_gib=sizes.telemetry_gib, mirror=config.charts.mirror, after=after),
        opts,
    )
    spending = config.budget
    budget = Budget(
        "budget",
        BudgetArgs(spending.weekly_eur, spending.usd_per_eur, f"user:stack${stack}", spending.notify),
        opts,
    )
    return Observability(monitoring, telemetry, budget)
