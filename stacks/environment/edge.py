"""Edge: controllers, the mesh, the namespace of the services, the secret store, the ingress.

The ingress is declared before any pod: its address is a setting of the API, and pods that are made before their target
group is bound would not wait for the load balancer. A mesh may be switched on while pods run: first comes what encrypts
for them, then they are taken in, then its gateway takes what comes from outside, and then its members alone are heard.
"""

from dataclasses import dataclass

import pulumi

from apps.platform.catalog import Catalog
from components.binding import EgressTarget
from components.cluster.controllers import Controllers, ControllersArgs
from components.cluster.namespace import Namespace, NamespaceArgs
from components.data.database import DatabaseWithOwner
from components.data.secret_store import ClusterSecretStore, ClusterSecretStoreArgs
from components.network.ingress import AccessLogs, Ingress, IngressArgs
from components.observability.network_policies import SERVICE_RANGES
from components.workload.istio import (
    INGRESS_TARGET,
    IngressGateway,
    IngressGatewayArgs,
    Istio,
    IstioArgs,
    StrictNamespace,
)
from components.workload.mesh import DATAPLANE_LABEL, Account
from stacks.account import access_log_bucket
from stacks.config import EnvironmentConfig
from stacks.environment.data import Data
from stacks.environment.foundation import Foundation
from stacks.environment.retained import Retained

NAMESPACE = "sensors"
MONITORING = "monitoring"


@dataclass(frozen=True, slots=True)
class Edge:
    """What stands between the world, the cluster and the secrets.

    `database`: the one of the data layer, with its owner's password in the namespace.
    `bound`: what pods wait for, so that the load balancer and Prometheus find them. `gateway`: as whom the mesh lets
    requests from outside in, where there is a mesh.
    """

    controllers: Controllers
    namespace: Namespace
    store: ClusterSecretStore
    ingress: Ingress
    database: DatabaseWithOwner
    bound: tuple[pulumi.Resource, ...]
    gateway: Account | None = None


def make_edge(
    config: EnvironmentConfig,
    stack: str,
    catalog: Catalog,
    retained: Retained,
    foundation: Foundation,
    data: Data,
    opts: pulumi.ResourceOptions,
) -> Edge:
    """Declare what stands between the world, the cluster and the secrets."""
    network, cluster = foundation.network, foundation.cluster
    controllers = Controllers(
        "controllers",
        ControllersArgs(
            charts=config.charts,
            kubernetes=config.cluster.version,
            identities=cluster.identities,
            account=config.account,
            region=config.region,
            vpc_id=network.vpc_id,
            replicas=2 if config.protected else 1,
        ),
        opts,
    )
    istio = _istio(config, foundation, controllers, opts) if config.mesh else None
    namespace = Namespace(
        NAMESPACE,
        NamespaceArgs(
            NAMESPACE,
            load_balanced=True,
            labels=DATAPLANE_LABEL if istio else {},
            # Pods that run are taken in as soon as it says so: what encrypts for them is there by then.
            after=(istio,) if istio else (),
        ),
        opts,
    )
    store = ClusterSecretStore(
        "aws",
        ClusterSecretStoreArgs(
            config.region,
            controllers.external_secrets_identity,
            retained.key,
            controllers.external_secrets,
            namespaces=(NAMESPACE, MONITORING),
        ),
        opts,
    )
    routes = tuple(server for server in catalog.servers if server.public)
    for warning in config.ingress.warnings:
        pulumi.log.warn(warning)
    ingress = Ingress(
        "ingress",
        IngressArgs(
            config=config.ingress,
            vpc_id=network.vpc_id,
            subnet_ids=network.public_subnet_ids,
            pods_group_id=cluster.security_group_id,
            namespace=NAMESPACE,
            routes=routes,
            controller=controllers.load_balancer,
            logs=AccessLogs(access_log_bucket(config.account, config.region), stack),
            region=config.region,
            internet=EgressTarget(443, ("0.0.0.0/0",), except_=(str(config.network.cidr), "169.254.0.0/16")),
            protected=config.protected,
            through=INGRESS_TARGET if istio else None,
        ),
        opts,
    )
    register_grant = ingress.grant_register(controllers.load_balancer_identity)
    database = data.database.mount_owner_password(store, NAMESPACE, after=namespace)
    if istio is None:
        bound = (*ingress.bind_pods(after=[namespace, register_grant]), controllers.monitor_types)
        return Edge(controllers, namespace, store, ingress, database, bound)
    gateway = IngressGateway(
        "ingress-gateway",
        IngressGatewayArgs(
            charts=config.charts,
            namespace=NAMESPACE,
            routes=routes,
            load_balancer=network.public_cidrs,
            replicas=2 if config.protected else 1,
            after=(namespace, istio),
        ),
        opts,
    )
    # Until the gateway runs, the load balancer calls pods of services, where it did before there was a mesh.
    bound = (*ingress.bind_pods(after=[namespace, register_grant, gateway]), controllers.monitor_types)
    strict = StrictNamespace(f"{NAMESPACE}-mesh", NAMESPACE, (namespace, istio, *bound), opts)
    return Edge(controllers, namespace, store, ingress, database, (*bound, strict), gateway.account)


def _istio(
    config: EnvironmentConfig, foundation: Foundation, controllers: Controllers, opts: pulumi.ResourceOptions
) -> Istio:
    return Istio(
        "istio",
        IstioArgs(
            charts=config.charts,
            members=NAMESPACE,
            api_server=(*foundation.network.private_cidrs, *SERVICE_RANGES),
            replicas=2 if config.protected else 1,
            after=(controllers,),
        ),
        opts,
    )
