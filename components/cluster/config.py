"""The sections of the configuration that say what the cluster is and where its charts come from."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from apps.platform.distinct import Distinct, normalized
from components.cluster.versions import known_version
from components.section import KnownCidr, PrincipalArn, Section

ARM = re.compile(r"(a1|mac2[a-z0-9-]*|[a-z]+\d+[a-z-]*g[a-z0-9-]*)\.")
"""Instance types with an ARM processor: AWS writes a g among the letters after the generation."""

AddonName = Literal["vpc-cni", "kube-proxy", "coredns", "eks-pod-identity-agent", "aws-ebs-csi-driver"]
AddonVersion = Annotated[str, StringConstraints(pattern=r"^v\d+\.\d+\.\d+-eksbuild\.\d+$")]


class NodesConfig(Section):
    """Machines of the cluster."""

    instance_type: str = Field("t3.medium", pattern=r"^[a-z0-9-]+\.[a-z0-9]+$", examples=["t3.medium"])
    minimum: int = Field(2, ge=1, le=100, description="Fewest nodes, in all zones together", examples=[2])
    maximum: int = Field(4, ge=1, le=100, description="Most nodes, in all zones together", examples=[4])
    zones: int = Field(
        1,
        ge=1,
        le=2,
        description="In how many of the network's zones nodes stand, the first ones; each zone has its node group",
        examples=[2],
    )
    ami_release: str | None = Field(
        None,
        pattern=r"^1\.\d\d\.\d+-\d{8}$",
        description="Release of the nodes' AMI; None: the newest when they are made or their version is raised",
        examples=["1.35.0-20261120"],
    )
    disk_gib: int = Field(30, ge=20, le=1000, examples=[30])
    max_pods: int = Field(
        35, ge=10, le=110, description="Pods on a node; the kubelet reserves 255 MiB and 11 MiB for each", examples=[35]
    )

    @field_validator("instance_type")
    @classmethod
    def _x86(cls, instance_type: str) -> str:
        if ARM.match(instance_type):
            raise ValueError("must be a machine with an x86 processor, as the nodes' AMI and the images are built for")
        return instance_type

    @model_validator(mode="after")
    def _ordered(self) -> "NodesConfig":
        if self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum} is more than maximum {self.maximum}")
        if self.minimum < self.zones:
            raise ValueError(f"minimum {self.minimum} leaves one of {self.zones} zones without a node")
        return self


class ClusterConfig(Section):
    """Kubernetes."""

    version: str = Field("1.35", pattern=r"^1\.\d\d$", description="Kubernetes, in quotes", examples=["1.35"])
    administrators: Distinct[PrincipalArn] = Field(
        (),
        description="IAM roles or users that may do everything in the cluster, besides the role that deploys it",
        examples=[["arn:aws:iam::123456789012:role/platform"]],
    )
    viewers: Distinct[PrincipalArn] = Field(
        (),
        description="IAM roles or users that may look at everything but secrets, besides the role that previews",
        examples=[["arn:aws:iam::123456789012:role/support"]],
    )
    public_access_cidrs: Distinct[KnownCidr] = Field(
        (), description="Where the API server answers the internet; empty: only inside", examples=[["198.51.100.0/24"]]
    )
    addons: Mapping[AddonName, AddonVersion] = Field(
        {},
        description="Versions of add-ons; of the others, the one that AWS recommends for the version of Kubernetes",
        examples=[{"coredns": "v1.13.2-eksbuild.1"}],
    )
    nodes: NodesConfig = Field(NodesConfig(), examples=[{"instance_type": "t3.medium", "minimum": 2, "maximum": 4}])

    @field_validator("version")
    @classmethod
    def _supported(cls, version: str) -> str:
        return known_version(version)

    def admitting(self, administrator: str, viewer: str) -> "ClusterConfig":
        """Return the same of a cluster that lets in, first, who deploys and who previews where nobody names them."""
        named = {normalized(entry) for entry in (*self.administrators, *self.viewers)}
        added = {"administrators": administrator, "viewers": viewer}
        return self.model_copy(
            update={
                kind: (entry, *getattr(self, kind)) for kind, entry in added.items() if normalized(entry) not in named
            }
        )

    @model_validator(mode="after")
    def _of_one_version(self) -> "ClusterConfig":
        release = self.nodes.ami_release
        if release is not None and not release.startswith(f"{self.version}."):
            raise ValueError(f"nodes.ami_release {release} is not of version {self.version}: raise both")
        return self

    @model_validator(mode="after")
    def _one_or_the_other(self) -> "ClusterConfig":
        viewers = {normalized(viewer) for viewer in self.viewers}
        if both := [entry for entry in self.administrators if normalized(entry) in viewers]:
            raise ValueError(f"{', '.join(both)} is listed as both administrator and viewer")
        return self


class ChartsConfig(Section):
    """Where Helm charts come from."""

    mirror: str | None = Field(
        None,
        description="Repository (https://, oci://) or folder that holds every chart by its name",
        examples=["https://charts.example.com"],
    )
