"""A namespace in which nothing is allowed that was not asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_kubernetes as k8s

from components.component import Component


@dataclass(frozen=True, slots=True)
class NamespaceArgs:
    """Its name, the Pod Security level that the API server enforces, and whether a load balancer leads to its pods.

    `labels`: further ones, for controllers that look at them. `after`: what is there before it has them.
    """

    name: str
    pod_security: str = "restricted"
    load_balanced: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    after: Sequence[pulumi.Resource] = ()

    def __post_init__(self) -> None:
        if self.pod_security not in {"restricted", "baseline", "privileged"}:
            raise ValueError(f"Pod Security has restricted, baseline and privileged, not {self.pod_security}")


class Namespace(Component):
    """A namespace. Its children need the Kubernetes provider: `ResourceOptions(providers=[...])`.

    Makes:

    - the namespace, with its Pod Security labels
    - a network policy that denies everything, in and out
    """

    name: pulumi.Output[str]

    def __init__(self, name: str, args: NamespaceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        child = pulumi.ResourceOptions(parent=self)
        levels = {f"pod-security.kubernetes.io/{mode}": args.pod_security for mode in ("enforce", "audit", "warn")}
        # Pods become ready only once the load balancer knows them: a rolling change loses no request.
        gate = {"elbv2.k8s.aws/pod-readiness-gate-inject": "enabled"} if args.load_balanced else {}
        namespace = k8s.core.v1.Namespace(
            name,
            metadata=k8s.meta.v1.ObjectMetaArgs(name=args.name, labels={**levels, **gate, **args.labels}),
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(args.after)),
        )
        self.name = namespace.metadata.name
        k8s.networking.v1.NetworkPolicy(
            f"{name}-default-deny",
            metadata=k8s.meta.v1.ObjectMetaArgs(name="default-deny", namespace=self.name),
            spec=k8s.networking.v1.NetworkPolicySpecArgs(
                pod_selector=k8s.meta.v1.LabelSelectorArgs(), policy_types=["Ingress", "Egress"]
            ),
            opts=child,
        )
        self.register_outputs({"name": self.name})
