"""A service that runs all the time, with everything that follows from its declaration."""

import pulumi
import pulumi_kubernetes as k8s

from apps.platform.declaration import Server
from components.component import Component
from components.workload.pods import Pods, WorkloadArgs, make_pods


class Workload(Component):
    """What runs all the time. Nothing of it starts before `args.depends_on` and whatever its needs wait for.

    Makes:

    - a Deployment and its Service
    - a service account, the identity that its needs ask for, and a network policy
    - a PodDisruptionBudget, from two replicas on
    - a HorizontalPodAutoscaler, where it scales
    - a ServiceMonitor, where it has metrics
    """

    deployment: k8s.apps.v1.Deployment

    def __init__(self, name: str, args: WorkloadArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        declaration = args.declaration.server
        if declaration is None:
            raise TypeError(f"{args.declaration.name} runs to its end: it is no Workload")
        self._child = pulumi.ResourceOptions(parent=self, depends_on=list(args.depends_on))
        pods = make_pods(args, "Always", self)
        self._metadata = k8s.meta.v1.ObjectMetaArgs(
            name=declaration.name, namespace=args.platform.namespace, labels=pods.labels
        )
        self.deployment = self._deployment(declaration, pods)
        k8s.core.v1.Service(
            declaration.name,
            metadata=self._metadata,
            spec=k8s.core.v1.ServiceSpecArgs(
                selector=pods.labels,
                ports=[k8s.core.v1.ServicePortArgs(name="http", port=declaration.port, target_port="http")],
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self.deployment]),
        )
        if declaration.scale.minimum > 1:
            self._disruption_budget(declaration, pods)
        if declaration.scale.maximum > declaration.scale.minimum:
            self._autoscaler(declaration)
        if declaration.scraped:
            self._monitor(declaration, pods)
        self.register_outputs({})

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
                progress_deadline_seconds=300,
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

    def _autoscaler(self, declaration: Server) -> None:
        cpu = k8s.autoscaling.v2.MetricTargetArgs(
            type="Utilization", average_utilization=round(declaration.scale.cpu * 100)
        )
        k8s.autoscaling.v2.HorizontalPodAutoscaler(
            declaration.name,
            metadata=self._metadata,
            spec=k8s.autoscaling.v2.HorizontalPodAutoscalerSpecArgs(
                scale_target_ref=k8s.autoscaling.v2.CrossVersionObjectReferenceArgs(
                    api_version="apps/v1", kind="Deployment", name=declaration.name
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
