"""The typed configuration of a stack: one model, loaded once. Nothing else reads `pulumi.Config`.

All of it stands under one key of the stack's file, so that every key below it can be checked. A value that cannot be
used ends in an error with the YAML to write.
"""

from collections.abc import Mapping
from ipaddress import IPv4Network
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from apps.catalog import DASHBOARD, SERVICES, TASKS
from apps.platform.service import Service, image_of
from stacks.config_errors import as_yaml, explain

PROJECT = "sensor-analytics"
ROOT = Path(__file__).parents[1]

IMAGES = tuple(sorted({image_of(declaration) for declaration in (*SERVICES, *TASKS, DASHBOARD)}))
"""Every image that a deployment needs."""

C = TypeVar("C", bound="StackConfig")

Account = Annotated[str, StringConstraints(pattern=r"^\d{12}$")]
Region = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]
Arn = Annotated[str, StringConstraints(pattern=r"^arn:aws[a-z-]*:iam::\d{12}:(role|user)/\S+$")]
Email = Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
Image = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.:/_-]*@sha256:[0-9a-f]{64}$")]
REGISTRY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/sensor-analytics"
Clock = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
DAYS: tuple[Day, ...] = get_args(Day)


class StackConfigError(Exception):
    """A stack's configuration cannot be used. The text names each value and the YAML to write."""


class Section(BaseModel):
    """A part of the configuration: unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=False)


class NetworkConfig(Section):
    """Addresses."""

    cidr: IPv4Network = Field(description="Private range of the VPC, /16 to /20", examples=["10.20.0.0/16"])
    zones: tuple[str, str] = Field(description="Two zones of the region", examples=[["eu-west-1a", "eu-west-1b"]])
    nat_per_zone: bool = Field(False, description="A NAT gateway in each zone instead of one", examples=[True])
    private_endpoints: bool = Field(
        False, description="AWS is reached through interface endpoints instead of the NAT", examples=[True]
    )

    @field_validator("cidr")
    @classmethod
    def _private(cls, cidr: IPv4Network) -> IPv4Network:
        if not cidr.is_private or not 16 <= cidr.prefixlen <= 20:
            raise ValueError("must be a private range between /16 and /20")
        return cidr

    @field_validator("zones")
    @classmethod
    def _two(cls, zones: tuple[str, str]) -> tuple[str, str]:
        if zones[0] == zones[1]:
            raise ValueError("must be two different zones")
        return zones


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
    administrators: tuple[Arn, ...] = Field(
        min_length=1,
        description="IAM roles or users that may do everything in the cluster, the deploy role among them",
        examples=[["arn:aws:iam::123456789012:role/sensor-analytics/deploy-dev"]],
    )
    viewers: tuple[Arn, ...] = Field(
        (),
        description="IAM roles or users that may look at everything but secrets, the preview role among them",
        examples=[["arn:aws:iam::123456789012:role/sensor-analytics/preview"]],
    )
    reachable_from: tuple[IPv4Network, ...] = Field(
        (), description="Where the API server answers the internet; empty: only inside", examples=[["198.51.100.0/24"]]
    )
    nodes: NodesConfig = Field(NodesConfig(), examples=[{"instance_type": "t3.medium", "minimum": 2, "maximum": 4}])

    @model_validator(mode="after")
    def _one_or_the_other(self) -> "ClusterConfig":
        if both := set(self.administrators) & set(self.viewers):
            raise ValueError(
                f"{', '.join(sorted(both))} stands in administrators and in viewers: an administrator looks too"
            )
        return self

    @field_validator("reachable_from")
    @classmethod
    def _restricted(cls, networks: tuple[IPv4Network, ...]) -> tuple[IPv4Network, ...]:
        return _not_anywhere(networks)


class DatabaseConfig(Section):
    """PostgreSQL."""

    instance_class: str = Field("db.t4g.small", pattern=r"^db\.[a-z0-9-]+\.[a-z0-9]+$", examples=["db.t4g.small"])
    storage_gib: int = Field(20, ge=20, le=16_384, examples=[20])
    standby: bool = Field(False, description="A second instance in the other zone (multi-AZ)", examples=[True])
    replica: bool = Field(False, description="A read replica", examples=[True])
    backup_days: int = Field(1, ge=1, le=35, examples=[7])
    final_snapshot: bool = Field(
        False, description="A snapshot and the backups stay when the stack is taken down", examples=[True]
    )


class StreamConfig(Section):
    """Kinesis."""

    retention_hours: int = Field(24, ge=24, le=8760, examples=[24])


class LoginConfig(Section):
    """OpenID Connect for people who look at the dashboard. Devices are not asked."""

    issuer: HttpUrl = Field(examples=["https://login.example.com"])
    authorization_endpoint: HttpUrl = Field(examples=["https://login.example.com/authorize"])
    token_endpoint: HttpUrl = Field(examples=["https://login.example.com/token"])
    user_info_endpoint: HttpUrl = Field(examples=["https://login.example.com/userinfo"])
    client_id: str = Field(min_length=1, examples=["sensor-analytics"])
    client_secret_name: str = Field(
        min_length=1, description="Name in Secrets Manager", examples=["sensor-analytics/login"]
    )


class IngressConfig(Section):
    """The way in. Without a domain there is no certificate: then only known networks may come, over plain HTTP."""

    domain: str | None = Field(None, pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$", examples=["sensors.example.com"])
    zone_id: str | None = Field(None, description="Route 53 hosted zone of the domain", examples=["Z0123456789ABC"])
    clients: tuple[IPv4Network, ...] = Field(
        (), description="Networks that may come; empty with a domain: everybody", examples=[["198.51.100.0/24"]]
    )
    login: LoginConfig | None = None

    @model_validator(mode="after")
    def _possible(self) -> "IngressConfig":
        if (self.domain is None) != (self.zone_id is None):
            raise ValueError("domain and zone_id belong together")
        if self.domain is None:
            if not self.clients:
                raise ValueError("without a domain, clients must name the networks that may come")
            _not_anywhere(self.clients)
            if self.login is not None:
                raise ValueError("login needs a domain, because it needs a certificate")
        return self


class ServiceConfig(Section):
    """What a stack changes of a service's declaration."""

    minimum: int | None = Field(None, ge=1, le=100, description="Fewest copies", examples=[1])
    maximum: int | None = Field(None, ge=1, le=100, description="Most copies", examples=[2])
    settings: Mapping[str, str | int | float] = Field(
        {}, description="Variables of its settings class", examples=[{"LOG_LEVEL": "DEBUG"}]
    )


class BudgetConfig(Section):
    """What the stack may cost."""

    weekly_eur: float = Field(gt=0, examples=[5])
    usd_per_eur: float = Field(gt=0.5, lt=2, description="Rate to plan with; AWS bills dollars", examples=[1.15])
    notify: tuple[Email, ...] = Field(min_length=1, examples=[["platform@example.com"]])


class ScheduleConfig(Section):
    """When the stack runs, in UTC. The workflows bring it up and take it down."""

    days: tuple[Day, ...] = Field(min_length=1, examples=[["monday", "wednesday"]])
    start: Clock = Field(examples=["08:00"])
    stop: Clock = Field(examples=["12:00"])

    @model_validator(mode="after")
    def _ordered(self) -> "ScheduleConfig":
        if self.start >= self.stop:
            raise ValueError("start must be before stop on the same day")
        return self

    @property
    def hours_per_week(self) -> float:
        """Hours a week that the stack is up."""
        return len(set(self.days)) * (_hours(self.stop) - _hours(self.start))


class ChartsConfig(Section):
    """Where Helm charts come from."""

    mirror: str | None = Field(
        None, description="Repository or folder that holds every chart", examples=["https://charts.example.com"]
    )


class MonitoringConfig(Section):
    """What observability keeps, and where alerts lead."""

    documentation: HttpUrl = Field(
        description="Where the repository's files are shown; alerts link docs/operations.md there",
        examples=["https://github.com/example/sensor-analytics/blob/main"],
    )
    metrics_gib: int = Field(20, ge=5, le=1000, description="Volume for 15 days of metrics", examples=[20])
    telemetry_gib: int = Field(10, ge=1, le=1000, description="Volume for 7 days of logs, and of traces", examples=[10])


class StackConfig(Section):
    """What every stack says."""

    account: Account = Field(description="AWS account, in quotes", examples=["123456789012"])
    region: Region = Field(description="AWS region", examples=["eu-west-1"])
    emulator: HttpUrl | None = Field(
        None, description="Another endpoint that answers as AWS, for a rehearsal", examples=["http://127.0.0.1:4566"]
    )


class EnvironmentConfig(StackConfig):
    """What dev and prod say, and where they differ."""

    images: Mapping[str, Image] = Field(
        description="Images by digest, written by the workflows",
        examples=[{image: f"{REGISTRY}/{image}@sha256:<64 hexadecimal digits>" for image in IMAGES}],
    )
    network: NetworkConfig = Field(examples=[{"cidr": "10.20.0.0/16", "zones": ["eu-west-1a", "eu-west-1b"]}])
    cluster: ClusterConfig = Field(
        examples=[{"administrators": ["arn:aws:iam::123456789012:role/sensor-analytics/deploy-dev"]}]
    )
    ingress: IngressConfig = Field(examples=[{"clients": ["198.51.100.0/24"]}])
    monitoring: MonitoringConfig = Field(
        examples=[{"documentation": "https://github.com/example/sensor-analytics/blob/main"}]
    )
    budget: BudgetConfig = Field(examples=[{"weekly_eur": 5, "usd_per_eur": 1.15, "notify": ["platform@example.com"]}])
    schedule: ScheduleConfig | None = Field(
        None,
        description="None: always up",
        examples=[{"days": ["monday", "wednesday"], "start": "08:00", "stop": "12:00"}],
    )
    database: DatabaseConfig = DatabaseConfig()
    stream: StreamConfig = StreamConfig()
    services: Mapping[str, ServiceConfig] = {}
    charts: ChartsConfig = ChartsConfig()
    protected: bool = Field(
        False, description="Refuses to lose data: deletion protection, longer grace", examples=[True]
    )

    @field_validator("images")
    @classmethod
    def _complete(cls, images: Mapping[str, str]) -> Mapping[str, str]:
        missing, unknown = sorted(set(IMAGES) - images.keys()), sorted(images.keys() - set(IMAGES))
        if missing or unknown:
            said = [
                f"{', '.join(names)} {what}" for names, what in ((missing, "missing"), (unknown, "unknown")) if names
            ]
            raise ValueError("; ".join(said))
        return images

    @field_validator("services")
    @classmethod
    def _declared(cls, services: Mapping[str, ServiceConfig]) -> Mapping[str, ServiceConfig]:
        known = {declaration.name: declaration for declaration in (*SERVICES, *TASKS)}
        for name, config in services.items():
            if name not in known:
                raise ValueError(f"{name} is no service; there are {', '.join(known)}")
            fields = {field.upper() for field in known[name].settings.model_fields}
            if unread := sorted(config.settings.keys() - fields):
                raise ValueError(f"{name} does not read {', '.join(unread)}; it reads {', '.join(sorted(fields))}")
            if (config.minimum or config.maximum) and not isinstance(known[name], Service):
                raise ValueError(f"{name} runs to its end: it has no minimum and maximum")
        return services

    @model_validator(mode="after")
    def _consistent(self) -> "EnvironmentConfig":
        if strangers := [zone for zone in self.network.zones if not zone.startswith(self.region)]:
            raise ValueError(f"network.zones: {', '.join(strangers)} is not in region {self.region}")
        if self.protected and self.database.backup_days < 7:
            raise ValueError("protected: database.backup_days must be at least 7")
        if self.protected and not self.database.final_snapshot:
            raise ValueError("protected: database.final_snapshot must be true")
        if self.protected and self.schedule is not None:
            raise ValueError("protected and schedule exclude each other: a protected stack is never taken down")
        return self


class GitHubConfig(Section):
    """The repository whose workflows deploy. The ids are in `gh api repos/OWNER/REPOSITORY --jq '.owner.id, .id'`."""

    owner: str = Field(pattern=r"^[A-Za-z0-9-]+$", examples=["example"])
    owner_id: int = Field(gt=0, examples=[1234567])
    repository: str = Field(pattern=r"^[A-Za-z0-9._-]+$", examples=["sensor-analytics"])
    repository_id: int = Field(gt=0, examples=[987654321])


class BootstrapConfig(StackConfig):
    """What the stack of an account says."""

    github: GitHubConfig = Field(
        examples=[
            {
                "owner": "example",
                "owner_id": 1234567,
                "repository": "sensor-analytics",
                "repository_id": 987654321,
            }
        ]
    )
    environments: tuple[str, ...] = Field(
        min_length=1, description="The stacks that are deployed into this account", examples=[["dev"]]
    )


def is_account(stack: str) -> bool:
    """Whether a stack holds what an account has once: `bootstrap`, and `bootstrap-NAME` for each further account."""
    return stack.partition("-")[0] == "bootstrap"


def load(model: type[C], stack: str, key: str, given: Any) -> C:
    """Check what stands under `key` of `Pulumi.STACK.yaml`.

    Raises StackConfigError with a line and the YAML to write for each value that is missing, unknown or wrong.
    """
    place = f"{PROJECT}:{key}"
    if not isinstance(given, Mapping):
        required = {name: field for name, field in model.model_fields.items() if field.is_required()}
        smallest = {name: field.examples[0] for name, field in required.items() if field.examples}
        raise StackConfigError(f"Pulumi.{stack}.yaml has no {place}. Write:\n{as_yaml(place, smallest)}")
    try:
        return model.model_validate(given)
    except ValidationError as error:
        problems = "\n".join(explain(model, place, problem) for problem in error.errors())
        raise StackConfigError(f"Pulumi.{stack}.yaml cannot be used:\n{problems}") from None


def written(stack: str, key: str, folder: Path = ROOT) -> Any:
    """Return what stands under `key` of `Pulumi.STACK.yaml`, unchecked. Raises StackConfigError where there is none."""
    path = folder / f"Pulumi.{stack}.yaml"
    try:
        return yaml.safe_load(path.read_text()).get("config", {}).get(f"{PROJECT}:{key}")
    except FileNotFoundError:
        stacks = sorted(found.name.split(".")[1] for found in folder.glob("Pulumi.*.yaml"))
        raise StackConfigError(f"there is no {path.name}; there are the stacks {', '.join(stacks)}") from None


def environment_of(stack: str, folder: Path = ROOT) -> EnvironmentConfig:
    """Return what `Pulumi.STACK.yaml` says of an environment. Raises StackConfigError."""
    return load(EnvironmentConfig, stack, "environment", written(stack, "environment", folder))


def _not_anywhere(networks: tuple[IPv4Network, ...]) -> tuple[IPv4Network, ...]:
    if any(network.prefixlen < 8 for network in networks):
        raise ValueError("must be known networks, not the whole internet")
    return networks


def _hours(clock: str) -> float:
    hours, minutes = clock.split(":")
    return int(hours) + int(minutes) / 60
