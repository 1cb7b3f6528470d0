"""Services: release jobs, then every service, each with exactly what its declaration needs.

Release jobs first: one makes the secrets' values, which External Secrets copies, then the migration makes tables and
roles. What each service may do and reach follows from its declaration.
"""

from dataclasses import dataclass, replace

import pulumi

from apps.catalog import DASHBOARD, SERVICES
from apps.detector.signals import as_setting, cluster_signals
from apps.platform.service import (
    OPERATOR_TOKEN,
    PROMETHEUS,
    PUSHGATEWAY,
    READINGS,
    SENSORS,
    SIGNING_KEYS,
    AnyService,
    Scale,
    Service,
    Task,
    Website,
    image_of,
)
from apps.rotation.service import SEED_SECRETS
from apps.storage.service import MIGRATION
from components.binding import Bindings, Environment, Reach
from components.network.network import Network
from components.workload.pods import Platform, WorkloadArgs
from components.workload.scheduled_workload import DeploymentTask, ScheduledWorkload
from components.workload.workload import Workload
from stacks.config import PROJECT, EnvironmentConfig, ServiceConfig
from stacks.environment.data import Data
from stacks.environment.edge import NAMESPACE, Edge
from stacks.environment.foundation import Foundation
from stacks.environment.observability import MONITORING, Observability


@dataclass(frozen=True, slots=True)
class Services:
    """What runs."""

    workloads: tuple[pulumi.Resource, ...]


def make_services(
    config: EnvironmentConfig,
    foundation: Foundation,
    data: Data,
    edge: Edge,
    observability: Observability,
    opts: pulumi.ResourceOptions,
) -> Services:
    """Declare what runs."""
    network = foundation.network
    monitoring, telemetry = observability.monitoring, observability.telemetry
    bindings: Bindings = {
        READINGS: data.stream,
        SENSORS: edge.database,
        SIGNING_KEYS: data.signing_keys,
        OPERATOR_TOKEN: data.operator_token,
        PROMETHEUS: monitoring.prometheus,
        PUSHGATEWAY: monitoring.pushgateway,
    }
    without_secrets = Platform(
        identities=foundation.cluster.identities,
        namespace=NAMESPACE,
        product=PROJECT,
        bindings=bindings,
        aws=_aws(config, network),
        load_balancer=network.public_cidrs,
        monitoring=MONITORING,
        traces=telemetry.traces,
        traces_url=telemetry.traces_url,
    )
    settings: dict[str, Environment] = {
        "api": {"PUBLIC_URL": edge.ingress.url},
        "detector": {"SIGNALS": as_setting(cluster_signals(NAMESPACE))},
    }

    def args(declaration: AnyService | Task | Website, platform: Platform, *after: pulumi.Resource) -> WorkloadArgs:
        changes = config.services.get(declaration.name, ServiceConfig())
        own = {name: str(value) for name, value in changes.settings.items()}
        return WorkloadArgs(
            declaration=_scaled(declaration, changes),
            image=config.images[image_of(declaration)],
            platform=platform,
            settings={**settings.get(declaration.name, {}), **own},
            after=(edge.namespace, *after),
        )

    first = DeploymentTask(SEED_SECRETS.name, args(SEED_SECRETS, without_secrets), opts)
    synced: Bindings = {
        declared: secret.sync_to_namespace(edge.store, NAMESPACE, after=first.job)
        for declared, secret in ((SIGNING_KEYS, data.signing_keys), (OPERATOR_TOKEN, data.operator_token))
    }
    platform = replace(without_secrets, bindings={**bindings, **synced})
    migration = DeploymentTask(MIGRATION.name, args(MIGRATION, platform), opts)
    before = (first.job, migration.job, *edge.bound)
    services: list[pulumi.Resource] = []
    for service in SERVICES:
        kind = Workload if isinstance(service, Service) else ScheduledWorkload
        services.append(kind(service.name, args(service, platform, *before), opts))
    return Services((*services, Workload(DASHBOARD.name, args(DASHBOARD, platform, *edge.bound), opts)))


def _scaled(declaration: AnyService | Task | Website, changes: ServiceConfig) -> AnyService | Task | Website:
    if not isinstance(declaration, Service | Website):
        return declaration
    scale = declaration.scale
    minimum = changes.minimum or min(scale.minimum, changes.maximum or scale.minimum)
    maximum = changes.maximum or max(scale.maximum, minimum)
    return replace(declaration, scale=Scale(minimum, maximum, scale.cpu))


def _aws(config: EnvironmentConfig, network: Network) -> Reach:
    """Where AWS answers: in the private subnets, or anywhere on the internet but nowhere in the network."""
    if config.network.private_endpoints:
        return Reach(443, network.private_cidrs)
    return Reach(443, ("0.0.0.0/0",), besides=(str(config.network.cidr), "169.254.0.0/16"))
