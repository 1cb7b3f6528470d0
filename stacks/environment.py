"""An environment: everything that dev and prod are made of. They differ only in their typed configuration.

Wiring decisions, in the order in which things come to be:

- Foundation: keys, network, cluster. The cluster's security group is the one of its pods.
- Data: the stream, the database (open to that group alone) and secrets without values.
- Controllers, then the ingress: its address is a setting of the API, and pods that are made before their target group
  is bound would not wait for the load balancer.
- Observability, before what it watches. Slack's URL is the one secret that a person puts into Secrets Manager;
  Alertmanager starts when it is there.
- Tasks: first the secrets' values, then External Secrets copies them, then the migration makes tables and roles.
- Services, each after all of that; what each may do and reach follows from its declaration.
- Protection, after everything: a destroy meets it first.
"""

from dataclasses import dataclass, fields, replace

import pulumi

from apps.catalog import DASHBOARD, SERVICES
from apps.detector.signals import as_setting, cluster_signals
from apps.observability.alerts import GROUPS
from apps.observability.dashboards import DASHBOARDS
from apps.observability.notifications import alertmanager
from apps.observability.rules import rule_file
from apps.platform.service import (
    OPERATOR_TOKEN,
    PROMETHEUS,
    PUSHGATEWAY,
    READINGS,
    SENSORS,
    SIGNING_KEYS,
    AnyService,
    Scale,
    Secret,
    Service,
    Task,
    Website,
    image_of,
)
from apps.rotation.service import FIRST_SECRETS
from apps.storage.service import MIGRATION
from components.account.budget import Budget, BudgetArgs
from components.account.github_deployment import role_settings
from components.binding import Bindings, Environment, Reach
from components.cluster.cluster import Cluster, ClusterArgs
from components.cluster.controllers import Controllers, ControllersArgs
from components.cluster.namespace import Namespace, NamespaceArgs
from components.data.database import Database, DatabaseArgs
from components.data.managed_secret import ClusterSecretStore, ClusterSecretStoreArgs, ManagedSecret, ManagedSecretArgs
from components.data.sensor_stream import SensorStream, SensorStreamArgs
from components.identity.encryption_key import EncryptionKey, EncryptionKeyArgs
from components.network.ingress import Ingress, IngressArgs, Login
from components.network.network import Network, NetworkArgs
from components.observability.monitoring import SLACK, SLACK_KEY, SLACK_URL_FILE, Monitoring, MonitoringArgs
from components.observability.monitoring_ways import MonitoringWays, MonitoringWaysArgs
from components.observability.telemetry import Telemetry, TelemetryArgs
from components.workload.pods import Platform, WorkloadArgs
from components.workload.scheduled_workload import DeploymentTask, ScheduledWorkload
from components.workload.workload import Workload
from stacks.config import PROJECT, EnvironmentConfig, ServiceConfig
from stacks.providers import aws_provider

NAMESPACE = "sensors"
MONITORING = "monitoring"
OWNER_PASSWORD = "database-owner"  # noqa: S105 a name


@dataclass(frozen=True, slots=True)
class Foundation:
    """What everything else stands on."""

    secrets_key: EncryptionKey
    data_key: EncryptionKey
    logs_key: EncryptionKey
    network: Network
    cluster: Cluster


@dataclass(frozen=True, slots=True)
class Data:
    """What keeps readings and secrets."""

    stream: SensorStream
    database: Database
    signing_keys: ManagedSecret
    operator_token: ManagedSecret
    slack_url: ManagedSecret


@dataclass(frozen=True, slots=True)
class Access:
    """What stands between the world, the cluster and the secrets."""

    controllers: Controllers
    namespace: Namespace
    store: ClusterSecretStore
    ingress: Ingress
    bound: tuple[pulumi.Resource, ...]


@dataclass(frozen=True, slots=True)
class Observability:
    """What sees and tells."""

    monitoring: Monitoring
    telemetry: Telemetry


def deploy(config: EnvironmentConfig, stack: str) -> None:
    """Declare the environment that `stack` is."""
    provider = aws_provider(config, stack)
    on_aws = pulumi.ResourceOptions(providers=[provider])
    foundation = _foundation(config, stack, on_aws)
    in_cluster = pulumi.ResourceOptions(providers=[provider, foundation.cluster.provider])
    data = _data(config, foundation, on_aws)
    access = _access(config, foundation, data, in_cluster)
    observability = _observability(config, foundation, data, access, in_cluster)
    running = _run(config, foundation, data, access, observability, in_cluster)
    budget = config.budget
    watched = Budget(
        "budget", BudgetArgs(budget.weekly_eur, budget.usd_per_eur, f"user:stack${stack}", budget.notify), on_aws
    )
    _guard(config, foundation, data, access, observability, watched, *running)
    pulumi.export("url", access.ingress.url)
    pulumi.export("cluster", foundation.cluster.name)
    pulumi.export("stream", data.stream.name)
    pulumi.export("databaseHost", data.database.host)
    pulumi.export("signingKeysSecret", data.signing_keys.arn)
    pulumi.export("operatorTokenSecret", data.operator_token.arn)
    pulumi.export("slackUrlSecret", data.slack_url.arn)
    pulumi.export("kubeconfig", foundation.cluster.kubeconfig)


def _foundation(config: EnvironmentConfig, stack: str, opts: pulumi.ResourceOptions) -> Foundation:
    roles = role_settings(PROJECT, config.account, stack)
    grace = 30 if config.protected else 7

    def key(name: str, purpose: str, logs_region: str | None = None) -> EncryptionKey:
        return EncryptionKey(f"{name}-key", EncryptionKeyArgs(purpose, config.account, logs_region, grace), opts)

    data, secrets = key("data", "readings on the stream and in the database"), key("secrets", "secrets")
    logs = key("logs", "logs", config.region)
    network = Network(
        "network",
        NetworkArgs(
            region=config.region,
            account=config.account,
            cidr=config.network.cidr,
            zones=config.network.zones,
            nat_per_zone=config.network.nat_per_zone,
            private_endpoints=config.network.private_endpoints,
            log_key=logs,
            roles=roles,
        ),
        opts,
    )
    nodes = config.cluster.nodes
    cluster = Cluster(
        "cluster",
        ClusterArgs(
            name=f"{PROJECT}-{stack}",
            account=config.account,
            region=config.region,
            version=config.cluster.version,
            vpc_id=network.vpc_id,
            public_subnet_ids=network.public_subnet_ids,
            private_subnet_ids=network.private_subnet_ids,
            administrators=config.cluster.administrators,
            viewers=config.cluster.viewers,
            reachable_from=[str(cidr) for cidr in config.cluster.reachable_from],
            instance_type=nodes.instance_type,
            minimum_nodes=nodes.minimum,
            maximum_nodes=nodes.maximum,
            node_disk_gib=nodes.disk_gib,
            key=secrets,
            log_key=logs,
            roles=roles,
            protected=config.protected,
        ),
        opts,
    )
    return Foundation(secrets, data, logs, network, cluster)


def _data(config: EnvironmentConfig, foundation: Foundation, opts: pulumi.ResourceOptions) -> Data:
    network, sizes = foundation.network, config.database
    database = Database(
        "database",
        DatabaseArgs(
            database=SENSORS,
            account=config.account,
            region=config.region,
            vpc_id=network.vpc_id,
            subnet_ids=network.private_subnet_ids,
            subnet_cidrs=network.private_cidrs,
            instance_class=sizes.instance_class,
            storage_gib=sizes.storage_gib,
            standby=sizes.standby,
            replica=sizes.replica,
            backup_days=sizes.backup_days,
            protected=config.protected,
            final_snapshot=sizes.final_snapshot,
            key=foundation.data_key,
            secrets_key=foundation.secrets_key,
        ),
        opts,
    )
    database.allow_from("cluster", foundation.cluster.security_group_id)
    stream = SensorStream(
        "readings",
        SensorStreamArgs(READINGS, config.region, config.stream.retention_hours, foundation.data_key),
        opts,
    )
    days = 30 if config.protected else 0
    key = foundation.secrets_key
    return Data(
        stream,
        database,
        ManagedSecret(
            "signing-keys",
            ManagedSecretArgs(SIGNING_KEYS, "Keys that upload URLs are signed with", config.region, key, days),
            opts,
        ),
        ManagedSecret(
            "operator-token",
            ManagedSecretArgs(OPERATOR_TOKEN, "Bearer token that writes to the API need", config.region, key, days),
            opts,
        ),
        ManagedSecret(
            SLACK,
            ManagedSecretArgs(Secret(SLACK), "Incoming webhook that alerts are sent to", config.region, key, days),
            opts,
        ),
    )


def _access(config: EnvironmentConfig, foundation: Foundation, data: Data, opts: pulumi.ResourceOptions) -> Access:
    network, cluster, way_in = foundation.network, foundation.cluster, config.ingress
    controllers = Controllers(
        "controllers",
        ControllersArgs(
            cluster=cluster,
            account=config.account,
            region=config.region,
            vpc_id=network.vpc_id,
            mirror=config.charts.mirror,
            copies=2 if config.protected else 1,
        ),
        opts,
    )
    namespace = Namespace(NAMESPACE, NamespaceArgs(NAMESPACE), opts)
    store = ClusterSecretStore(
        "aws",
        ClusterSecretStoreArgs(
            config.region,
            controllers.external_secrets_identity,
            (foundation.secrets_key,),
            controllers.external_secrets,
        ),
        opts,
    )
    login = way_in.login
    ingress = Ingress(
        "ingress",
        IngressArgs(
            vpc_id=network.vpc_id,
            subnet_ids=network.public_subnet_ids,
            pods_group_id=cluster.security_group_id,
            namespace=NAMESPACE,
            routes=_routes(),
            controller=controllers.load_balancer,
            clients=tuple(str(cidr) for cidr in way_in.clients),
            domain=way_in.domain,
            zone_id=way_in.zone_id,
            login=Login(**{name: str(value) for name, value in login}) if login else None,
            protected=config.protected,
        ),
        opts,
    )
    registering = ingress.grant_register(controllers.load_balancer_identity)
    bound = ingress.bind_pods(after=[namespace, registering])
    data.database.keep_owner_password_in(
        OWNER_PASSWORD,
        "password",
        store.copy(OWNER_PASSWORD, NAMESPACE, data.database.owner_secret_arn, {"password": "password"}, [namespace]),
    )
    return Access(controllers, namespace, store, ingress, (*bound, controllers.monitor_types))


def _observability(
    config: EnvironmentConfig, foundation: Foundation, data: Data, access: Access, opts: pulumi.ResourceOptions
) -> Observability:
    sizes, network = config.monitoring, foundation.network
    # The node exporter and the collector read the nodes' own files.
    namespace = Namespace(MONITORING, NamespaceArgs(MONITORING, pod_security="privileged"), opts)
    ways = MonitoringWays(
        "monitoring-ways",
        MonitoringWaysArgs(MONITORING, NAMESPACE, network.private_cidrs, str(config.network.cidr), (namespace,)),
        opts,
    )
    slack = access.store.copy(SLACK, MONITORING, data.slack_url.arn, {SLACK_KEY: None}, [namespace])
    after = (namespace, ways, *access.bound)
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
    return Observability(monitoring, telemetry)


def _run(
    config: EnvironmentConfig,
    foundation: Foundation,
    data: Data,
    access: Access,
    observability: Observability,
    opts: pulumi.ResourceOptions,
) -> list[pulumi.Resource]:
    network = foundation.network
    monitoring, telemetry = observability.monitoring, observability.telemetry
    bindings: Bindings = {
        READINGS: data.stream,
        SENSORS: data.database,
        SIGNING_KEYS: data.signing_keys,
        OPERATOR_TOKEN: data.operator_token,
        PROMETHEUS: monitoring.prometheus,
        PUSHGATEWAY: monitoring.pushgateway,
    }
    platform = Platform(
        cluster=foundation.cluster,
        namespace=NAMESPACE,
        bindings=bindings,
        aws=_aws(config, network),
        load_balancer=network.public_cidrs,
        monitoring=MONITORING,
        traces=telemetry.traces,
        traces_url=telemetry.traces_url,
    )
    settings: dict[str, Environment] = {
        "api": {"PUBLIC_URL": access.ingress.url},
        "detector": {"SIGNALS": as_setting(cluster_signals(NAMESPACE))},
    }

    def args(declaration: AnyService | Task | Website, *after: pulumi.Resource) -> WorkloadArgs:
        changes = config.services.get(declaration.name, ServiceConfig())
        own = {name: str(value) for name, value in changes.settings.items()}
        return WorkloadArgs(
            declaration=_scaled(declaration, changes),
            image=config.images[image_of(declaration)],
            platform=platform,
            settings={**settings.get(declaration.name, {}), **own},
            after=(access.namespace, *after),
        )

    first = DeploymentTask(FIRST_SECRETS.name, args(FIRST_SECRETS), opts)
    for secret in (data.signing_keys, data.operator_token):
        secret.keep_in(access.store, NAMESPACE, after=first.done)
    migration = DeploymentTask(MIGRATION.name, args(MIGRATION), opts)
    before = (first.done, migration.done, *access.bound)
    services: list[pulumi.Resource] = []
    for service in SERVICES:
        kind = Workload if isinstance(service, Service) else ScheduledWorkload
        services.append(kind(service.name, args(service, *before), opts))
    return [*services, Workload(DASHBOARD.name, args(DASHBOARD, *access.bound), opts)]


def _guard(
    config: EnvironmentConfig,
    foundation: Foundation,
    data: Data,
    access: Access,
    observability: Observability,
    *others: pulumi.Resource,
) -> None:
    """Declare what a destroy of a protected stack meets first.

    A destroy begins with what nothing depends on, and refuses a protected resource when it comes to it: were only the
    database protected, it would be the one thing that is left. What comes after everything goes before everything.
    """
    layers = (foundation, data, access, observability)
    parts = [part for layer in layers for part in (getattr(layer, field.name) for field in fields(layer))]
    made = [part for part in parts if isinstance(part, pulumi.Resource)]
    pulumi.Stash(
        "protection",
        input=config.protected,
        opts=pulumi.ResourceOptions(depends_on=[*made, *others], protect=config.protected),
    )


def _routes() -> tuple[Service | Website, ...]:
    services = [service for service in SERVICES if isinstance(service, Service) and service.public]
    return (*services, DASHBOARD)


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
