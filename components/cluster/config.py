"""The sections of the configuration that say what the cluster is and where its charts come from."""

from pydantic import Field, field_validator, model_validator

from components.section import KnownCidr, PrincipalArn, Section


class NodesConfig(Section):
    """Machines of the cluster."""

    instance_type: str = Field("t3.medium", pattern=r"^[a-z0-9-]+\.[a-z0-9]+$", examples=["t3.medium"])
    minimum: int = Field(2, ge=1, le=100, examples=[2])
    maximum: int = Field(4, ge=1, le=100, examples=[4])
    disk_gib: int = Field(30, ge=20, le=1000, examples=[30])

    @model_validator(mode="after")
    def _ordered(self) -> "NodesConfig":
        if self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum} is more than maximum {self.maximum}")
        return self


class ClusterConfig(Section):
    """Kubernetes."""

    version: str = Field("1.34", pattern=r"^1\.\d\d$", description="Kubernetes, in quotes", examples=["1.34"])
    administrators: tuple[PrincipalArn, ...] = Field(
        description="IAM roles or users that may do everything in the cluster, the deploy role among them",
        examples=[["arn:aws:iam::123456789012:role/deploy"]],
    )
    viewers: tuple[PrincipalArn, ...] = Field(
        (),
        description="IAM roles or users that may look at everything but secrets, the preview role among them",
        examples=[["arn:aws:iam::123456789012:role/preview"]],
    )
    public_access_cidrs: tuple[KnownCidr, ...] = Field(
        (), description="Where the API server answers the internet; empty: only inside", examples=[["198.51.100.0/24"]]
    )
    nodes: NodesConfig = Field(NodesConfig(), examples=[{"instance_type": "t3.medium", "minimum": 2, "maximum": 4}])

    @field_validator("administrators")
    @classmethod
    def _somebody(cls, administrators: tuple[str, ...]) -> tuple[str, ...]:
        if not administrators:
            raise ValueError("a cluster without administrators locks everybody out")
        return administrators

    @model_validator(mode="after")
    def _one_or_the_other(self) -> "ClusterConfig":
        if both := set(self.administrators) & set(self.viewers):
            raise ValueError(f"{', '.join(sorted(both))} is listed as both administrator and viewer")
        return self


class ChartsConfig(Section):
    """Where Helm charts come from."""

    mirror: str | None = Field(
        None,
        description="Repository (https://, oci://) or folder that holds every chart by its name",
        examples=["https://charts.example.com"],
    )
