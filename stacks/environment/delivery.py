"""Delivery: how new versions of services take over, where the stack has a controller that judges them.

Judged is what people and devices reach, and what promises something by itself: gateway, API, dashboard, ingestor,
rules. A consumer has no way in that could be switched, so it goes in steps where the others are blue-green: each pod
reads its share of the shards, or of the log.
"""

from dataclasses import dataclass

import pulumi

from apps.observability.canaries import indicators
from apps.platform.catalog import Catalog
from apps.platform.declaration import Declaration, Server
from apps.platform.needs import CallService
from apps.platform.resources import ServiceEndpoint
from apps.smoke.service import SMOKE_TEST
from components.binding import ClusterEndpoint
from components.observability.network_policies import PROMETHEUS, SERVICE_RANGES
from components.workload.config import DeliveryConfig
from components.workload.controller import RolloutsController, RolloutsControllerArgs
from components.workload.delivery import Delivery
from components.workload.mesh import Mesh
from components.workload.rollout import preview_name
from components.workload.scheduled_workload import StartedWorkload
from stacks.config import EnvironmentConfig
from stacks.environment.edge import MONITORING, NAMESPACE, Edge
from stacks.environment.foundation import Foundation
from stacks.environment.observability import Observability


@dataclass(frozen=True, slots=True)
class Deliveries:
    """How the versions of each service take over."""

    config: DeliveryConfig
    prometheus: str
    kubeconfig: pulumi.Output[str] | None
    controller: RolloutsController
    has_gateway: bool = False

    def of(self, declaration: Declaration, smoke: StartedWorkload | None) -> Delivery | None:
        """Return how the versions of a service take over; None: pod by pod, judged by nobody.

        `smoke`: what tries those that people and devices reach, if all of them run.
        """
        server, judged = declaration.server, indicators(declaration)
        if server is None or not (server.public or judged):
            return None
        stepwise = self.config.strategy == "blue_green" and not server.public
        return Delivery(
            config=self.config.model_copy(update={"strategy": "canary"}) if stepwise else self.config,
            indicators=judged,
            prometheus=self.prometheus,
            kubeconfig=self.kubeconfig,
            controller=(self.controller, *(smoke.ready if smoke else ())),
            smoke=(
                smoke.pods({ServiceEndpoint(server.name).variable: _preview_url(server)})
                if smoke and server.name in _TRIED
                else None
            ),
            splits_requests=self.has_gateway and bool(server.public) and self.config.strategy == "canary",
        )


def mesh_of(edge: Edge, observability: Observability) -> Mesh | None:
    """Return what workloads must know of their mesh, where there is one."""
    if edge.gateway is None:
        return None
    return Mesh(ingress=edge.gateway, scraper=observability.monitoring.scraper, after=edge.bound)


def callers(declaration: Declaration) -> tuple[str, ...]:
    """Return who calls a service to try its versions."""
    return (SMOKE_TEST.name,) if declaration.name in _TRIED else ()


def is_tried(catalog: Catalog) -> bool:
    """Whether everything runs that a smoke test takes."""
    return {server.name for server in catalog.servers} >= _TRIED


def make_deliveries(
    config: EnvironmentConfig,
    foundation: Foundation,
    edge: Edge,
    observability: Observability,
    opts: pulumi.ResourceOptions,
    *,
    waits: bool,
) -> Deliveries | None:
    """Declare the controller, where the stack asks for it. `waits`: see Delivery."""
    if config.delivery is None:
        return None
    prometheus = observability.monitoring.prometheus
    controller = RolloutsController(
        "rollouts",
        RolloutsControllerArgs(
            charts=config.charts,
            namespace=NAMESPACE,
            api_server=(*foundation.network.private_cidrs, *SERVICE_RANGES),
            prometheus=(MONITORING, PROMETHEUS, prometheus.port),
            monitoring=MONITORING,
            replicas=2 if config.protected else 1,
            after=(edge.namespace, *edge.bound),
            mesh=mesh_of(edge, observability),
        ),
        opts,
    )
    kubeconfig = foundation.cluster.kubeconfig if waits else None
    return Deliveries(config.delivery, prometheus.url, kubeconfig, controller, has_gateway=edge.gateway is not None)


_TRIED = {need.resource.name for need in SMOKE_TEST.needs if isinstance(need, CallService)}


def _preview_url(server: Server) -> str:
    return ClusterEndpoint(preview_name(server.name), NAMESPACE, server.port).url
