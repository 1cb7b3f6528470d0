"""The vocabulary in which a service is declared. Plain data: everything else is derived from it.

On AWS a declaration becomes a workload with its identity, permissions, network policy, probes, autoscaling and
environment; on a laptop a child process; in the documentation a row of a table. A need names the environment
variables through which the process learns of what it needs, and the settings class of the service must read them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from apps.platform.settings import Settings


@dataclass(frozen=True, slots=True)
class Stream:
    """A Kinesis data stream."""

    name: str

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables that name it."""
        return ("AWS_REGION", f"{_upper(self.name)}_STREAM")


@dataclass(frozen=True, slots=True)
class Database:
    """A PostgreSQL database."""

    name: str

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables that lead to it."""
        return ("AWS_REGION", *(f"DATABASE_{part}" for part in ("HOST", "PORT", "NAME", "USER", "AUTH", "CA_FILE")))


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret that the process reads as a file, again whenever it changes."""

    name: str

    @property
    def variable(self) -> str:
        """The environment variable that holds the file's path."""
        return f"{_upper(self.name)}_FILE"

    @property
    def id_variable(self) -> str:
        """The environment variable that holds its id in Secrets Manager, for who renews it."""
        return f"{_upper(self.name)}_SECRET_ID"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Something of the cluster that answers HTTP, for example Prometheus."""

    name: str

    @property
    def variable(self) -> str:
        """The environment variable that holds its URL."""
        return f"{_upper(self.name)}_URL"


@dataclass(frozen=True, slots=True)
class Produce:
    """Put records on a stream."""

    stream: Stream

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables that it takes."""
        return self.stream.variables


@dataclass(frozen=True, slots=True)
class Consume:
    """Read the records of a stream."""

    stream: Stream

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables that it takes."""
        return self.stream.variables


@dataclass(frozen=True, slots=True)
class Connect:
    """Connect to a database as a role of its own, which holds the grants that the storage package gives it."""

    database: Database
    role: str

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables that it takes."""
        return self.database.variables


@dataclass(frozen=True, slots=True)
class Administer:
    """Connect to a database as its owner, with the password that RDS keeps: to migrate and to grant."""

    database: Database

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables that it takes."""
        return (*self.database.variables, "DATABASE_PASSWORD_FILE")


@dataclass(frozen=True, slots=True)
class Read:
    """Read a secret."""

    secret: Secret

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables that it takes."""
        return (self.secret.variable,)


@dataclass(frozen=True, slots=True)
class Renew:
    """Make a secret, and make it anew when it is old."""

    secret: Secret

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables that it takes."""
        return ("AWS_REGION", self.secret.id_variable)


@dataclass(frozen=True, slots=True)
class Call:
    """Send HTTP requests to an endpoint of the cluster."""

    endpoint: Endpoint

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables that it takes."""
        return (self.endpoint.variable,)


Need: TypeAlias = Produce | Consume | Connect | Administer | Read | Renew | Call


@dataclass(frozen=True, slots=True)
class Scale:
    """How many copies run: more when their CPU use passes `cpu`, a fraction of what they ask for."""

    minimum: int
    maximum: int
    cpu: float = 0.7

    def __post_init__(self) -> None:
        if not 1 <= self.minimum <= self.maximum:
            raise ValueError(f"scale: 1 <= minimum <= maximum must hold, got {self.minimum} and {self.maximum}")
        if not 0 < self.cpu < 1:
            raise ValueError(f"scale: cpu must lie between 0 and 1, got {self.cpu}")


@dataclass(frozen=True, slots=True)
class Resources:
    """What one copy asks for, in Kubernetes quantities. Memory is also the limit; CPU has none."""

    cpu: str
    memory: str


@dataclass(frozen=True, slots=True)
class Probes:
    """Paths that tell whether the process lives, and whether it can serve."""

    liveness: str = "/health"
    readiness: str = "/ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A process that runs all the time and answers HTTP on `port` (at the least its probes and metrics)."""

    name: str
    module: str
    settings: type[Settings]
    resources: Resources
    needs: tuple[Need, ...] = ()
    scale: Scale = Scale(1, 1)
    port: int = 8000
    probes: Probes = Probes()
    public: tuple[str, ...] = ()
    """Path prefixes that the ingress sends here."""
    signed: bool = False
    """Whether each public request proves by itself who sent it, so that no login is asked for."""

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledService:
    """A process that runs to its end, again and again, never twice at a time."""

    name: str
    module: str
    settings: type[Settings]
    resources: Resources
    schedule: str
    """When, in cron's five fields, UTC."""
    deadline_seconds: int
    needs: tuple[Need, ...] = ()
    arguments: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check(self)


AnyService: TypeAlias = Service | ScheduledService


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A process that runs to its end once in each deployment, before any service starts."""

    name: str
    module: str
    settings: type[Settings]
    resources: Resources
    deadline_seconds: int
    needs: tuple[Need, ...] = ()
    arguments: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Website:
    """Static files behind a web server that reads no settings and needs nothing."""

    name: str
    resources: Resources
    scale: Scale = Scale(1, 1)
    port: int = 8080
    probes: Probes = Probes(liveness="/healthz", readiness="/")
    public: tuple[str, ...] = ("/",)
    signed: bool = False


READINGS = Stream("readings")
SENSORS = Database("sensors")
SIGNING_KEYS = Secret("signing-keys")
OPERATOR_TOKEN = Secret("operator-token")
PROMETHEUS = Endpoint("prometheus")
PUSHGATEWAY = Endpoint("pushgateway")


def image_of(declaration: AnyService | Task | Website) -> str:
    """Return the name of the image that it runs in: one image for each package."""
    return declaration.name if isinstance(declaration, Website) else declaration.module.rpartition(".")[2]


def variables(needs: Iterable[Need]) -> tuple[str, ...]:
    """Return every environment variable that the needs take, each once."""
    return tuple(dict.fromkeys(variable for need in needs for variable in need.variables))


def _check(service: AnyService | Task) -> None:
    known = {name.upper() for name in service.settings.model_fields}
    if missing := [variable for variable in variables(service.needs) if variable not in known]:
        raise ValueError(
            f"{service.name}: {service.settings.__name__} does not read {', '.join(missing)}, which its needs provide"
        )


def _upper(name: str) -> str:
    return name.upper().replace("-", "_")
