"""A service that runs all the time, with everything that follows from its declaration."""

from collections.abc import Awaitable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from apps.platform.declaration import Server
from components.component import Component
from components.workload.delivered import replaced, rolled_out
from components.workload.delivery import Delivery
from components.workload.mesh import NETWORKING_API, virtual_service
from components.workload.network_rules import NAME_LABEL
from components.workload.pods import Pods, WorkloadArgs, make_pods
from components.workload.rollout import (
    API,
    PROGRESS_SECONDS,
    analysis_spec,
    deadline,
    has_preview,
    preview_name,
    rollout_spec,
    smoke_name,
    smoke_spec,
)


class Workload(Component):
    """What runs all the time. Nothing of it starts before `args.prerequisites` and whatever its needs wait for.

    Makes:

    - a Deployment and its Service; or, where its versions are judged, a Rollout with its AnalysisTemplates, and where a
      version is tried before it takes over, a second Service that leads to its pods
    - a service account, the identity that its needs ask for, and a network policy
    - a PodDisruptionBudget, from two replicas on
    - a HorizontalPodAutoscaler, where it scales
    - a ServiceMonitor, where it has metrics
    - in a mesh: an AuthorizationPolicy, and a VirtualService where it has public paths
    """

    delivered: pulumi.Output[str] | None = None
    """Known when its version has taken over; a deployment fails, and says why, where it did not. None: nobody waits, or
    the provider does, for a Deployment."""

    def __init__(self, name: str, args: WorkloadArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        declaration = args.declaration.server
        if declaration is None:
            raise TypeError(f"{args.declaration.name} runs to its end: it is no Workload")
        self._child = pulumi.ResourceOptions(parent=self, depends_on=args.prerequisites)
        self._namespace, self._mesh, delivery = args.platform.namespace, args.platform.mesh, args.delivery
        pods = make_pods(args, "Always", self)
        self._metadata = k8s.meta.v1.ObjectMetaArgs(
            name=declaration.name, namespace=args.platform.namespace, labels=pods.labels
        )
        running: pulumi.CustomResource
        if delivery is None or delivery.is_rolling:
            running = self._deployment(declaration, pods)
            api, kind = "apps/v1", "Deployment"
            self._service(declaration.name, declaration, pods, after=running)
            self._routes(declaration, {declaration.name: 100})
        else:
            running = self._rollout(declaration, pods, delivery)
            api, kind = API, "Rollout"
        if declaration.scale.minimum > 1:
            self._disruption_budget(declaration, pods)
        if declaration.scale.maximum > declaration.scale.minimum:
            self._autoscaler(declaration, api, kind)
        if declaration.scraped:
            self._monitor(declaration, pods)
        if delivery and delivery.kubeconfig is not None:
            self.delivered = self._delivered(declaration, delivery, delivery.kubeconfig, running)
        self.register_outputs({} if self.delivered is None else {"delivered": self.delivered})

    def _service(
        self, name: str, declaration: Server, pods: Pods, after: pulumi.Resource | None = None, wait: bool = True
    ) -> k8s.core.v1.Service:
        # The provider waits for pods behind a Service: of one that must be there before its pods, for ever.
        annotations = {} if wait else {"pulumi.com/skipAwait": "true"}
        return k8s.core.v1.Service(
            name,
            metadata=k8s.meta.v1.ObjectMetaArgs(
                name=name,
                namespace=self._namespace,
                # By its own name: Prometheus would scrape the same pods twice, once through each Service.
                labels={**pods.labels, NAME_LABEL: name},
                annotations=annotations or None,
            ),
            spec=k8s.core.v1.ServiceSpecArgs(
                selector=pods.labels,
                ports=[k8s.core.v1.ServicePortArgs(name="http", port=declaration.port, target_port="http")],
            ),
            opts=pulumi.ResourceOptions.merge(self._child, pulumi.ResourceOptions(depends_on=[after] if after else [])),
        )

    def _rollout(self, declaration: Server, pods: Pods, delivery: Delivery) -> k8s.apiextensions.CustomResource:
        before: list[pulumi.Resource] = [*pods.depends_on, *delivery.controller]
        services = [declaration.name]
        if has_preview(delivery):
            services.append(preview_name(declaration.name))
        before += [self._service(name, declaration, pods, wait=False) for name in services]
        split = {preview_name(declaration.name): 0} if delivery.splits_requests else {}
        before += self._routes(declaration, {declaration.name: 100, **split})
        if declaration.scraped:
            before.append(self._analysis(declaration.name, analysis_spec(declaration, delivery), pods, delivery))
        if delivery.smoke:
            before.append(self._analysis(smoke_name(declaration.name), smoke_spec(delivery.smoke), pods, delivery))
        return k8s.apiextensions.CustomResource(
            declaration.name,
            api_version=API,
            kind="Rollout",
            metadata=self._metadata,
            spec=rollout_spec(declaration, pods, delivery),
            opts=pulumi.ResourceOptions(parent=self, depends_on=before),
        )

    def _routes(self, declaration: Server, services: Mapping[str, int]) -> list[pulumi.Resource]:
        """Lead requests from outside here, where they come through a gateway."""
        mesh = self._mesh
        if mesh is None or not declaration.public:
            return []
        return [
            k8s.apiextensions.CustomResource(
                declaration.name,
                api_version=NETWORKING_API,
                kind="VirtualService",
                metadata=k8s.meta.v1.ObjectMetaArgs(
                    name=declaration.name,
                    namespace=self._namespace,
                    # What turns its weights owns them by then.
                    annotations={"pulumi.com/patchForce": "true"},
                ),
                spec=virtual_service(declaration, mesh, self._namespace, services),
                opts=pulumi.ResourceOptions.merge(self._child, pulumi.ResourceOptions(depends_on=list(mesh.after))),
            )
        ]

    def _analysis(
        self, name: str, spec: Mapping[str, Any], pods: Pods, delivery: Delivery
    ) -> k8s.apiextensions.CustomResource:
        return k8s.apiextensions.CustomResource(
            name,
            api_version=API,
            kind="AnalysisTemplate",
            metadata=k8s.meta.v1.ObjectMetaArgs(name=name, namespace=self._namespace, labels=pods.labels),
            spec=dict(spec),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[*pods.depends_on, *delivery.controller]),
        )

    def _delivered(
        self,
        declaration: Server,
        delivery: Delivery,
        kubeconfig: pulumi.Input[str],
        running: pulumi.CustomResource,
    ) -> pulumi.Output[str]:
        """Return what is known when the version has taken over."""

        def wait(known: Sequence[str]) -> Awaitable[str]:
            kubeconfig, _ = known
            if delivery.is_rolling:
                return replaced(kubeconfig, self._namespace, declaration.name, timedelta(seconds=PROGRESS_SECONDS))
            return rolled_out(kubeconfig, self._namespace, declaration.name, delivery.indicators, deadline(delivery))

        # The id is known once the object is as it was declared; the kubeconfig is a secret, what is told is none.
        return pulumi.Output.unsecret(pulumi.Output.all(kubeconfig, running.id).apply(wait))

    def _deployment(self, declaration: Server, pods: Pods) -> k8s.apps.v1.Deployment:
        scaled = declaration.scale.maximum > declaration.scale.minimum
        return k8s.apps.v1.Deployment(
            declaration.name,
            metadata=self._metadata,
            spec=k8s.apps.v1.DeploymentSpecArgs(
                # The autoscaler's number is not ours to set back.
                replicas=None if scaled else declaration.scale.minimum,
                selector=k8s.meta.v1.LabelSelectorArgs(match_labels=pods.labels),
                strategy=k8s.apps.v1.DeploymentStrategyArgs(
                    type="RollingUpdate",
                    rolling_update=k8s.apps.v1.RollingUpdateDeploymentArgs(max_unavailable=0, max_surge=1),
                ),
                revision_history_limit=3,
                progress_deadline_seconds=PROGRESS_SECONDS,
                template=pods.template,
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(pods.depends_on)),
        )

    def _disruption_budget(self, declaration: Server, pods: Pods) -> None:
        k8s.policy.v1.PodDisruptionBudget(
            declaration.name,
            metadata=self._metadata,
            spec=k8s.policy.v1.PodDisruptionBudgetSpecArgs(
                max_unavailable=1,
                selector=k8s.meta.v1.LabelSelectorArgs(match_labels=pods.labels),
                unhealthy_pod_eviction_policy="AlwaysAllow",
            ),
            opts=self._child,
        )

    def _autoscaler(self, declaration: Server, api: str, kind: str) -> None:
        cpu = k8s.autoscaling.v2.MetricTargetArgs(
            type="Utilization", average_utilization=round(declaration.scale.cpu * 100)
        )
        k8s.autoscaling.v2.HorizontalPodAutoscaler(
            declaration.name,
            metadata=self._metadata,
            spec=k8s.autoscaling.v2.HorizontalPodAutoscalerSpecArgs(
                scale_target_ref=k8s.autoscaling.v2.CrossVersionObjectReferenceArgs(
                    api_version=api, kind=kind, name=declaration.name
                ),
                min_replicas=declaration.scale.minimum,
                max_replicas=declaration.scale.maximum,
                metrics=[
                    k8s.autoscaling.v2.MetricSpecArgs(
                        type="Resource", resource=k8s.autoscaling.v2.ResourceMetricSourceArgs(name="cpu", target=cpu)
                    )
                ],
            ),
            opts=self._child,
        )

    def _monitor(self, declaration: Server, pods: Pods) -> None:
        k8s.apiextensions.CustomResource(
            declaration.name,
            api_version="monitoring.coreos.com/v1",
            kind="ServiceMonitor",
            metadata=self._metadata,
            spec={
                "selector": {"matchLabels": dict(pods.labels)},
                "endpoints": [{"port": "http", "path": "/metrics", "interval": "15s"}],
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(pods.depends_on)),
        )
