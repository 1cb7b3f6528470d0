"""A namespace in which nothing is allowed that was not asked for."""

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s


@dataclass(frozen=True, slots=True)
class NamespaceArgs:
    """Its name, and the Pod Security level that the API server enforces."""

    name: str
    pod_security: str = "restricted"

    def __post_init__(self) -> None:
        if self.pod_security not in {"restricted", "baseline", "privileged"}:
            raise ValueError(f"Pod Security has restricted, baseline and privileged, not {self.pod_security}")


class Namespace(pulumi.ComponentResource):
    """Makes the namespace with its Pod Security labels, and a policy that closes it both ways.

    Give its children the Kubernetes provider with `ResourceOptions(providers=[...])`.
    """

    name: pulumi.Output[str]

    def __init__(self, name: str, args: NamespaceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("sensor-analytics:kubernetes:Namespace", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        levels = {f"pod-security.kubernetes.io/{mode}": args.pod_security for mode in ("enforce", "audit", "warn")}
        namespace = k8s.core.v1.Namespace(
            name,
            metadata=k8s.meta.v1.ObjectMetaArgs(
                name=args.name,
                # Pods become ready only once the load balancer knows them: a rolling change loses no request.
                labels={**levels, "elbv2.k8s.aws/pod-readiness-gate-inject": "enabled"},
            ),
            opts=child,
        )
        self.name = namespace.metadata.name
        k8s.networking.v1.NetworkPolicy(
            f"{name}-closed",
            metadata=k8s.meta.v1.ObjectMetaArgs(name="closed", namespace=self.name),
            spec=k8s.networking.v1.NetworkPolicySpecArgs(
                pod_selector=k8s.meta.v1.LabelSelectorArgs(), policy_types=["Ingress", "Egress"]
            ),
            opts=child,
        )
        self.register_outputs({"name": self.name})
