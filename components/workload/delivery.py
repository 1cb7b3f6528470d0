"""How a new version of a workload takes over, and by what it is judged."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from apps.platform.indicator import Indicator
from components.workload.config import DeliveryConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How a new version of one workload takes over.

    `indicators`: of its pods alone. `prometheus`: the URL that is asked for them. `kubeconfig`: of the cluster, where a
    deployment waits until the version has taken over; None: it does not wait, a preview for instance. `controller`:
    what is there before. `smoke`: the pod that tries a new version first, if any. `splits_requests`: whether a gateway
    sends a canary its exact share of them; else each pod gets the same.
    """

    config: DeliveryConfig
    indicators: tuple[Indicator, ...]
    prometheus: str
    kubeconfig: pulumi.Input[str] | None
    controller: Sequence[pulumi.Resource] = ()
    smoke: k8s.core.v1.PodTemplateSpecArgs | None = None
    splits_requests: bool = False

    @property
    def is_rolling(self) -> bool:
        """Whether a Deployment replaces pods."""
        return self.config.strategy == "rolling"
