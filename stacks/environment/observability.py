"""Observability: metrics, alerts, logs, traces and the budget, declared before what they watch.

The secrets of receivers are what a person puts into Secrets Manager; Alertmanager starts when they are there.
"""

from dataclasses import dataclass

import pulumi

from apps.catalog import CATALOG
from apps.notifier.service import NOTIFIER
from apps.observability.alerts import GROUPS
from apps.observability.dashboards import DASHBOARDS
from apps.observability.notifications import alertmanager
from apps.observability.rules import rule_file
from components.cluster.namespace import Namespace, NamespaceArgs
from components.observability.monitoring import RECEIVERS, RECEIVERS_FOLDER, Monitoring, MonitoringArgs
from components.observability.network_policies import MonitoringNetworkPolicies, MonitoringNetworkPoliciesArgs
from components.observability.telemetry import Telemetry, TelemetryArgs
from stacks.config import PROJECT, EnvironmentConfig
from stacks.environment.edge import MONITORING, NAMESPACE, Edge
from stacks.environment.foundation import Foundation
from stacks.environment.retained import Retained
from stacks.retained import RECEIVER_SECRETS


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
            relay=(NOTIFIER.name, NOTIFIER.port),
            smtp_ports=config.notifications.smtp_ports,
            meshed=config.mesh is not None,
            after=(namespace,),
        ),
        opts,
    )
    after = (namespace, policies, *edge.bound)
    secret_names = config.notifications.secret_names
    secrets = (
        [
            edge.store.create_external_secret(
                RECEIVERS, MONITORING, retained.secrets[RECEIVER_SECRETS].arn, {n: n for n in secret_names}, [namespace]
            )
        ]
        if secret_names
        else []
    )
    monitoring = Monitoring(
        "monitoring",
        MonitoringArgs(
            config=config.monitoring,
            charts=config.charts,
            namespace=MONITORING,
            rules_name=PROJECT,
            rules=rule_file(GROUPS, config.monitoring.documentation),
            dashboards={dashboard.uid: dashboard.render() for dashboard in DASHBOARDS},
            alertmanager=alertmanager(
                config.notifications,
                secrets=RECEIVERS_FOLDER,
                relay=f"http://{NOTIFIER.name}.{NAMESPACE}.svc:{NOTIFIER.port}",
            ),
            alertmanager_secrets=(RECEIVERS,) if secrets else (),
            replicas=2 if config.protected else 1,
            meshed=config.mesh is not None,
            after=(*after, *secrets),
        ),
        opts,
    )
    telemetry = Telemetry(
        "telemetry",
        TelemetryArgs(config=config.monitoring, charts=config.charts, namespace=MONITORING, after=after),
        opts,
    )
    return Observability(monitoring, telemetry)
