"""Services: release jobs, then every service, each with exactly what its declaration needs.

Release jobs first: one makes the secrets' values, which External Secrets copies, then the migration makes tables and
roles. What each service may do and reach follows from its declaration.
"""

from dataclasses import dataclass, replace

import pulumi

from apps.detector.signals import as_setting, cluster_signals
from apps.forecast.service import FORECAST
from apps.platform.catalog import Catalog
from apps.platform.declaration import Declaration, ReleaseJob, Scale, ScheduledService, Service, StaticSite
from apps.platform.needs import PlatformSignals, PublicUrl, RotateSecret, SendWebhooks, SignIn
from apps.platform.resources import ManagedResource, ServiceEndpoint
from apps.resources import ALERTMANAGER, ARCHIVE_FILES, PROMETHEUS, PUSHGATEWAY, READINGS, SENSORS
from apps.smoke.service import SMOKE_TEST
from components.account.github_deployment import role_settings
from components.account.processing_starter import starter_arn
from components.binding import ClusterEndpoint, EgressTarget, KnownValue, Provider
from components.component import Component
from components.data.file_store import FileStore, NoFileStore
from components.network.network import Network
from components.workload.config import MachinesConfig
from components.workload.pods import Platform, WorkloadArgs
from components.workload.processing import ProcessingArgs, ProcessingWorkload
from components.workload.scheduled_workload import ReleaseWorkload, ScheduledWorkload, StartedWorkload
from components.workload.workload import Workload
from stacks.config import PROJECT, EnvironmentConfig, ServiceConfig
from stacks.environment.data import Data
from stacks.environment.delivery import Deliveries, callers, is_tried, mesh_of
from stacks.environment.edge import MONITORING, NAMESPACE, Edge
from stacks.environment.foundation import Foundation
from stacks.environment.observability import Observability
from stacks.environment.retained import Retained

WORKLOADS: dict[type[Declaration], type[Workload] | type[ScheduledWorkload]] = {
    Service: Workload,
    StaticSite: Workload,
    ScheduledService: ScheduledWorkload,
}
"""What runs each kind of declaration, once the release jobs are done."""


@dataclass(frozen=True, slots=True)
class Services:
    """What runs."""

    workloads: tuple[Component, ...]


def make_services(
    config: EnvironmentConfig,
    stack: str,
    catalog: Catalog,
    retained: Retained,
    foundation: Foundation,
    data: Data,
    edge: Edge,
    observability: Observability,
    deliveries: Deliveries | None,
    opts: pulumi.ResourceOptions,
) -> Services:
    """Declare what runs: everything in the catalogue."""
    network, telemetry = foundation.network, observability.telemetry
    platform = Platform(
        identities=foundation.cluster.identities,
        namespace=NAMESPACE,
        product=PROJECT,
        providers=_providers(config, catalog, retained, data, edge, observability),
        aws=_aws(config, network),
        load_balancer=network.public_cidrs,
        monitoring=MONITORING,
        traces=telemetry.traces,
        traces_url=telemetry.traces_url,
        mesh=mesh_of(edge, observability),
        depends_on=(edge.namespace,),
    )

    def args(
        declaration: Declaration,
        platform: Platform,
        *depends_on: pulumi.Resource,
        smoke: StartedWorkload | None = None,
    ) -> WorkloadArgs:
        changes = config.services.get(declaration.name, ServiceConfig())
        return WorkloadArgs(
            declaration=_scaled(declaration, changes),
            image=config.images[declaration.image],
            platform=platform,
            settings={name: str(value) for name, value in changes.settings.items()},
            callers=(*catalog.callers(declaration), *(callers(declaration) if deliveries else ())),
            depends_on=depends_on,
            delivery=deliveries.of(declaration, smoke) if deliveries else None,
            # Alertmanager hands what it tells over to whoever sends webhooks.
            outsiders=(
                (observability.monitoring.notifier,)
                if any(isinstance(need, SendWebhooks) for need in declaration.needs)
                else ()
            ),
        )

    jobs = {job: ReleaseWorkload(job.name, args(job, platform), opts).job for job in catalog.release_jobs}
    # Whoever reads a secret waits for the job that makes its value.
    readable: dict[ManagedResource, Provider] = {
        need.resource: retained.secrets[need.resource].sync_to_namespace(edge.store, NAMESPACE, after=resource)
        for job, resource in jobs.items()
        for need in job.needs
        if isinstance(need, RotateSecret)
    }
    after_jobs = replace(platform, providers={**platform.providers, **readable})
    before = (*jobs.values(), *edge.bound)
    smoke = (
        StartedWorkload(SMOKE_TEST.name, args(SMOKE_TEST, after_jobs, *before), opts)
        if deliveries and is_tried(catalog)
        else None
    )
    machines = processing(config)

    def workload(declaration: Declaration) -> Component:
        workload_args = args(declaration, after_jobs, *before, smoke=smoke)
        if declaration.name not in machines:
            return WORKLOADS[type(declaration)](declaration.name, workload_args, opts)
        processing_args = ProcessingArgs(
            workload=workload_args,
            machines=machines[declaration.name],
            project=PROJECT,
            environment=stack,
            account=config.account,
            region=config.region,
            vpc_id=network.vpc_id,
            subnet_ids=network.private_subnet_ids,
            roles=role_settings(PROJECT, config.account, stack),
            key=retained.key,
            starter_arn=starter_arn(PROJECT, config.account, stack),
        )
        return ProcessingWorkload(declaration.name, processing_args, opts)

    return Services(tuple(workload(service) for service in catalog.declarations if not isinstance(service, ReleaseJob)))


def processing(config: EnvironmentConfig) -> dict[str, MachinesConfig]:
    """Return what runs beside the cluster, and on which machines."""
    forecasts = config.forecasts
    return {FORECAST.name: forecasts.machines} if forecasts and forecasts.runs_on == "sagemaker" else {}


def _providers(
    config: EnvironmentConfig,
    catalog: Catalog,
    retained: Retained,
    data: Data,
    edge: Edge,
    observability: Observability,
) -> dict[ManagedResource, Provider]:
    """Return who meets the needs of each resource."""
    providers: dict[ManagedResource, Provider] = {
        READINGS: data.stream,
        SENSORS: edge.database,
        ALERTMANAGER: observability.monitoring.alertmanager,
        ARCHIVE_FILES: (
            FileStore(retained.archive_bucket, config.region, retained.key, _internet(config))
            if retained.archive_bucket
            else NoFileStore()
        ),
        PROMETHEUS: observability.monitoring.prometheus,
        PUSHGATEWAY: observability.monitoring.pushgateway,
        PublicUrl().resource: edge.ingress,
        SignIn().resource: edge.ingress,
        PlatformSignals().resource: KnownValue(PlatformSignals, as_setting(cluster_signals(NAMESPACE))),
        SendWebhooks().resource: KnownValue(
            SendWebhooks,
            config.notifications.as_setting(),
            (_internet(config),) if config.notifications.webhooks else (),
        ),
    }
    providers.update(retained.secrets.items())
    for server in catalog.servers:
        endpoint = ClusterEndpoint(server.name, NAMESPACE, server.port, pod=server.name)
        providers[ServiceEndpoint(server.name)] = endpoint
    return providers


def _scaled(declaration: Declaration, changes: ServiceConfig) -> Declaration:
    server = declaration.server
    if server is None:
        return declaration
    scale = server.scale
    minimum = changes.minimum or min(scale.minimum, changes.maximum or scale.minimum)
    maximum = changes.maximum or max(scale.maximum, minimum)
    return replace(server, scale=Scale(minimum, maximum, scale.cpu))


def _aws(config: EnvironmentConfig, network: Network) -> EgressTarget:
    """Where AWS answers: in the private subnets, or anywhere on the internet but nowhere in the network."""
    if config.network.private_endpoints:
        return EgressTarget(443, network.private_cidrs)
    return _internet(config)


def _internet(config: EnvironmentConfig) -> EgressTarget:
    """Anywhere on the internet, but nowhere in the network."""
    return EgressTarget(443, ("0.0.0.0/0",), except_=(str(config.network.cidr), "169.254.0.0/16"))
