"""The typed configuration of a stack: one model, loaded once. Nothing else reads `pulumi.Config`.

All of it stands under one key of the stack's file, so that every key below it can be checked. Each component owns its
section (`components/FOLDER/config.py`); here they are put together, and checked across. A value that cannot be used
ends in an error with the YAML to write.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import Field, StringConstraints, ValidationError, field_validator, model_validator

from apps.catalog import CATALOG
from apps.observability.routing import Notifications
from apps.platform.distinct import Distinct
from apps.platform.settings import StoringSettings
from apps.storage.settings import GRACE
from components.account.config import BudgetConfig, GitHubConfig, RunnersConfig
from components.cluster.config import ChartsConfig, ClusterConfig
from components.data.config import ArchiveConfig, DatabaseConfig, StreamConfig
from components.network.config import IngressConfig, LoginConfig, NetworkConfig
from components.observability.config import MonitoringConfig
from components.regions import check_zones
from components.section import AccountId, Region, Section, Url
from components.workload.config import DeliveryConfig, ForecastsConfig, MeshConfig
from stacks.errors import StackConfigError, as_yaml, explain
from stacks.plain_yaml import read_yaml

PROJECT = "sensor-analytics"
ROOT = Path(__file__).parents[1]

C = TypeVar("C", bound="StackConfig")

Image = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.:/_-]*@sha256:[0-9a-f]{64}$")]
REGISTRY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/sensor-analytics"
EnvironmentName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=30)]
TimeOfDay = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
Reviewer = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]+(/[A-Za-z0-9._-]+)?$")]
Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
DAYS: tuple[Day, ...] = get_args(Day)


class ServiceConfig(Section):
    """What a stack changes of a service's declaration."""

    minimum: int | None = Field(None, ge=1, le=100, description="Fewest copies", examples=[1])
    maximum: int | None = Field(None, ge=1, le=100, description="Most copies", examples=[2])
    settings: Mapping[str, str | int | float] = Field(
        {}, description="Variables of its settings class", examples=[{"LOG_LEVEL": "DEBUG"}]
    )


class ScheduleConfig(Section):
    """When the stack runs, in UTC. The workflows bring it up and take it down."""

    days: Distinct[Day] = Field(min_length=1, examples=[["monday", "wednesday"]])
    start: TimeOfDay = Field(examples=["08:00"])
    stop: TimeOfDay = Field(examples=["12:00"])

    @model_validator(mode="after")
    def _ordered(self) -> "ScheduleConfig":
        if self.start >= self.stop:
            raise ValueError("start must be before stop on the same day")
        return self

    @property
    def ends(self) -> tuple[str, str, str]:
        """When it is taken down: at `stop`, an hour later in case that was missed, and another one later by AWS itself.

        Never on the next day.
        """
        hour, minute = int(self.stop[:2]), self.stop[3:]
        last = "23:59"
        return self.stop, min(f"{hour + 1:02}:{minute}", last), min(f"{hour + 2:02}:{minute}", last)

    @property
    def hours_per_week(self) -> float:
        """Hours a week that the stack is up."""
        return len(self.days) * (_hours(self.stop) - _hours(self.start))


class StackConfig(Section):
    """What every stack says."""

    account: AccountId = Field(description="AWS account, in quotes", examples=["123456789012"])
    region: Region = Field(description="AWS region", examples=["eu-west-1"])
    emulator: Url | None = Field(
        None, description="Another endpoint that answers as AWS, for a rehearsal", examples=["http://127.0.0.1:4566"]
    )


class EnvironmentConfig(StackConfig):
    """What dev and prod say, and where they differ."""

    images: Mapping[str, Image] = Field(
        {},
        validate_default=True,
        description="Images by digest, written by the workflows and by `nox -s images`",
        examples=[{image: f"{REGISTRY}/{image}@sha256:<64 hexadecimal digits>" for image in CATALOG.images}],
    )
    network: NetworkConfig = Field(examples=[{"cidr": "10.20.0.0/16", "zones": ["eu-west-1a", "eu-west-1b"]}])
    cluster: ClusterConfig = Field(
        examples=[
            {
                "administrators": ["arn:aws:iam::123456789012:role/platform"],
                "public_access_cidrs": ["198.51.100.0/24"],
            }
        ]
    )
    ingress: IngressConfig = Field(examples=[{"allowed_cidrs": ["198.51.100.0/24"]}])
    monitoring: MonitoringConfig = Field(
        examples=[{"documentation": "https://github.com/example/sensor-analytics/blob/main"}]
    )
    schedule: ScheduleConfig | None = Field(
        None,
        description="None: always up",
        examples=[{"days": ["monday", "wednesday"], "start": "08:00", "stop": "12:00"}],
    )
    reviewers: Distinct[Reviewer] = Field(
        (),
        max_length=6,
        description="People (login) and teams (OWNER/TEAM) of GitHub of whom one agrees to each deployment from there",
        examples=[["example/platform"]],
    )
    database: DatabaseConfig = DatabaseConfig()
    stream: StreamConfig = StreamConfig()
    notifications: Notifications = Notifications()
    archive: ArchiveConfig | None = Field(
        None,
        description="Each day that is over as files in S3, for years; None: a month that is dropped is gone",
        examples=[{}],
    )
    forecasts: ForecastsConfig | None = Field(
        None, description="The next day of each series, forecast every six hours; None: none", examples=[{}]
    )
    services: Mapping[str, ServiceConfig] = {}
    delivery: DeliveryConfig | None = Field(
        None,
        description="How new versions take over; None: pod by pod, without a controller that judges them",
        examples=[{"strategy": "canary"}],
    )
    mesh: MeshConfig | None = Field(
        None,
        description="Istio: services talk encrypted, by proven identities, behind a gateway; None: no mesh",
        examples=[{}],
    )
    charts: ChartsConfig = ChartsConfig()
    protected: bool = Field(
        False, description="Refuses to lose data: deletion protection, longer grace", examples=[True]
    )

    @field_validator("images")
    @classmethod
    def _known(cls, images: Mapping[str, str]) -> Mapping[str, str]:
        if unknown := sorted(images.keys() - set(CATALOG.images)):
            raise ValueError(f"unknown image {', '.join(unknown)}; known: {', '.join(CATALOG.images)}")
        first = {job.image: job.name for job in CATALOG.release_jobs}
        root = {server.image: server.name for server in CATALOG.servers if "/" in server.public}
        if missing := sorted((first | root).keys() - images.keys()):
            names = ", ".join((first | root)[image] for image in missing)
            raise ValueError(
                f"{', '.join(missing)} missing: without {names} nothing else can be deployed; "
                "`nox -s images -- build --push STACK --version VERSION` builds all of them and writes their digests"
            )
        return images

    @field_validator("services")
    @classmethod
    def _declared(cls, services: Mapping[str, ServiceConfig]) -> Mapping[str, ServiceConfig]:
        known = {declaration.name: declaration for declaration in CATALOG.declarations}
        for name, config in services.items():
            if name not in known:
                raise ValueError(f"unknown service {name}; known: {', '.join(known)}")
            fields = {field.upper() for field in known[name].settings.model_fields}
            if unread := sorted(config.settings.keys() - fields):
                raise ValueError(f"{name} does not read {', '.join(unread)}; it reads {', '.join(sorted(fields))}")
            if (config.minimum or config.maximum) and known[name].server is None:
                raise ValueError(f"{name} runs to its end: it has no minimum and maximum")
        for field in StoringSettings.model_fields:
            found = {
                name: str(services.get(name, ServiceConfig()).settings.get(field.upper(), default.default))
                for name, declaration in known.items()
                if (default := declaration.settings.model_fields.get(field)) is not None
            }
            if len(set(found.values())) > 1:
                values = ", ".join(f"{name} has {value}" for name, value in found.items())
                raise ValueError(f"{field.upper()} must be the same for all that read it: {values}")
        return services

    @model_validator(mode="after")
    def _consistent(self) -> "EnvironmentConfig":
        check_zones(self.region, self.network.zones)
        if self.stream.retention_hours >= (limit := int(GRACE.total_seconds() / 3600)):
            raise ValueError(f"stream.retention_hours must be less than {limit}: then a month of readings is dropped")
        if self.protected and self.database.backup_days < 7:
            raise ValueError("protected: database.backup_days must be at least 7")
        if self.protected and not self.database.final_snapshot:
            raise ValueError("protected: database.final_snapshot must be true")
        if self.protected and self.ingress.is_open:
            raise ValueError(_who_may_come(self.ingress))
        if self.protected and self.schedule is not None:
            raise ValueError("protected and schedule exclude each other: a protected stack is never taken down")
        if self.protected and self.ingress.anonymous is not None:
            raise ValueError("protected: ingress.anonymous must be left out: people sign in (ingress.login)")
        return self


def _who_may_come(ingress: IngressConfig) -> str:
    """Return what a protected stack must say that everybody may come to, as YAML."""
    full_key, there = f"{PROJECT}:environment", {"domain": ingress.domain, "zone_id": ingress.zone_id}
    login = {name: field.examples[0] for name, field in LoginConfig.model_fields.items() if field.examples}
    login.pop("client_secret_version")
    people = as_yaml(full_key, {"ingress": there | {"login": login}})
    networks = as_yaml(full_key, {"ingress": there | {"allowed_cidrs": ["198.51.100.0/24"]}})
    return (
        f"protected: ingress lets everybody on the internet read. Write who signs in:\n{people}"
        f"or the networks from which people and devices come:\n{networks}"
    )


class AccountConfig(StackConfig):
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
    environments: Distinct[EnvironmentName] = Field(
        min_length=1, description="The stacks that are deployed into this account", examples=[["dev"]]
    )
    budget: BudgetConfig = Field(examples=[{"weekly_eur": 5, "usd_per_eur": 1.15, "notify": ["platform@example.com"]}])
    runners: RunnersConfig | None = Field(
        None,
        description="Machines for GitHub's jobs that reach a cluster; none: the repository brings its own",
        examples=[
            {
                "connection": "arn:aws:codeconnections:eu-west-1:123456789012:connection/"
                "01234567-89ab-cdef-0123-456789abcdef"
            }
        ],
    )


def is_account_stack(stack: str) -> bool:
    """Whether a stack holds what an account has once: `bootstrap`, and `bootstrap-NAME` for each further account."""
    return stack.partition("-")[0] == "bootstrap"


def environments(folder: Path = ROOT) -> tuple[str, ...]:
    """Return the names of the environments: every stack with a file, but those of accounts."""
    return tuple(stack for stack in _stacks(folder) if not is_account_stack(stack))


def load(model: type[C], stack: str, key: str, given: Any) -> C:
    """Check what stands under `key` of `Pulumi.STACK.yaml`.

    Raises StackConfigError with a line and the YAML to write for each value that is missing, unknown or wrong.
    """
    full_key = f"{PROJECT}:{key}"
    if not isinstance(given, Mapping):
        required = {name: field for name, field in model.model_fields.items() if field.is_required()}
        smallest = {name: field.examples[0] for name, field in required.items() if field.examples}
        found = f", but {given!r}" if given else ""
        raise StackConfigError(f"Pulumi.{stack}.yaml has no {full_key}{found}. Write:\n{as_yaml(full_key, smallest)}")
    try:
        return model.model_validate(given)
    except ValidationError as error:
        problems = "\n".join(explain(model, full_key, problem) for problem in error.errors())
        raise StackConfigError(f"Pulumi.{stack}.yaml cannot be used:\n{problems}") from None


def check_keys(stack: str, key: str, found: Iterable[str]) -> None:
    """Raise StackConfigError for a key beside `PROJECT:key` in a stack's configuration: nothing would read it."""
    full_key = f"{PROJECT}:{key}"
    if unread := sorted(name for name in found if name != full_key and not name.startswith("pulumi:")):
        raise StackConfigError(
            f"Pulumi.{stack}.yaml cannot be used:\n{', '.join(unread)}: nothing reads this. "
            f"All that a stack says stands under {full_key}; beside it only Pulumi's own keys may stand, pulumi:..."
        )


def check_account(stack: str, config: EnvironmentConfig, folder: Path = ROOT) -> None:
    """Raise StackConfigError for an environment that its account does not know: nobody could deploy it there."""
    found = accounts(folder)
    for name, account in found.items():
        if (account.account, account.region) != (config.account, config.region):
            continue
        if stack not in account.environments:
            named = as_yaml(f"{PROJECT}:bootstrap", {"environments": [*account.environments, stack]})
            raise StackConfigError(
                f"Pulumi.{name}.yaml does not name {stack} among the environments of account {config.account}, so "
                f"there is no role that deploys it. Write:\n{named}and deploy it first: pulumi up --stack {name}"
            )
        return
    known = ", ".join(f"{name}: {account.account} in {account.region}" for name, account in found.items())
    raise StackConfigError(
        f"Pulumi.{stack}.yaml is for account {config.account} in {config.region}, which no stack of an account makes "
        f"({known}): write Pulumi.bootstrap-NAME.yaml and deploy it first, as docs/deploy.md says"
    )


def read_stack_file(stack: str, key: str, folder: Path = ROOT) -> Any:
    """Return what stands under `key` of `Pulumi.STACK.yaml`, unchecked.

    Raises StackConfigError where there is no such file, where it is no YAML that every reader of it understands alike,
    or where keys stand in it that nothing reads.
    """
    path = folder / f"Pulumi.{stack}.yaml"
    try:
        document = read_yaml(path) or {}
    except FileNotFoundError:
        there = ", ".join(_stacks(folder))
        raise StackConfigError(f"there is no {path.name}; there are the stacks {there}") from None
    found = document.get("config") or {} if isinstance(document, Mapping) else None
    if not isinstance(found, Mapping):
        raise StackConfigError(f"{path.name} holds no keys below `config:`. Write:\n{as_yaml(f'{PROJECT}:{key}', {})}")
    check_keys(stack, key, map(str, found))
    return found.get(f"{PROJECT}:{key}")


def load_environment(stack: str, folder: Path = ROOT) -> EnvironmentConfig:
    """Return what `Pulumi.STACK.yaml` says of an environment that its account knows. Raises StackConfigError."""
    config = load(EnvironmentConfig, stack, "environment", read_stack_file(stack, "environment", folder))
    check_account(stack, config, folder)
    return config


def load_account(stack: str, folder: Path = ROOT) -> AccountConfig:
    """Return what `Pulumi.STACK.yaml` says of an account. Raises StackConfigError."""
    return load(AccountConfig, stack, "bootstrap", read_stack_file(stack, "bootstrap", folder))


def load_account_of(environment: str, folder: Path = ROOT) -> AccountConfig:
    """Return what the stack of the account says that an environment is deployed into. Raises StackConfigError."""
    for account in accounts(folder).values():
        if environment in account.environments:
            return account
    raise StackConfigError(f"no Pulumi.bootstrap*.yaml names {environment} under `environments`")


def accounts(folder: Path = ROOT) -> dict[str, AccountConfig]:
    """Return the stack of every account by its name. Raises StackConfigError."""
    return {stack: load_account(stack, folder) for stack in _stacks(folder) if is_account_stack(stack)}


def _stacks(folder: Path) -> list[str]:
    return sorted(found.name.split(".")[1] for found in folder.glob("Pulumi.*.yaml"))


def _hours(time: str) -> float:
    hours, minutes = time.split(":")
    return int(hours) + int(minutes) / 60
