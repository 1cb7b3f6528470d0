"""What a process needs: of which resource, through which environment variables. Plain data.

A new kind of need is a class here, a handler in a provider of `components/` and one in `local/plan.py`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from apps.platform.resources import (
    Database,
    Endpoint,
    FileStore,
    Login,
    ManagedResource,
    PublicEndpoint,
    Routing,
    Secret,
    ServiceEndpoint,
    SignalSource,
    Stream,
)

PUBLIC = PublicEndpoint("public")
LOGIN = Login("login")
SIGNALS = SignalSource("signals")
NOTIFICATIONS = Routing("notifications")
PRIVILEGES = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE"})


@dataclass(frozen=True, slots=True)
class Need:
    """A need of a resource."""

    resource: ManagedResource

    text: ClassVar[str]
    """What it is for people to read; `{}` stands for the resource's name."""

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables that it brings, which the settings of the process must read."""
        return self.resource.variables

    @property
    def description(self) -> str:
        """What it is, for people to read."""
        return self.text.format(self.resource.name)


@dataclass(frozen=True, slots=True)
class Produce(Need):
    """Put records on a stream."""

    resource: Stream
    text = "puts records on {}"


@dataclass(frozen=True, slots=True)
class Consume(Need):
    """Read the records of a stream."""

    resource: Stream
    text = "reads {}"


@dataclass(frozen=True, slots=True)
class DatabaseRole:
    """A role of a database: the privileges that it holds on each table, and the functions that it may call."""

    name: str
    grants: Mapping[str, str] = field(default_factory=dict, hash=False)
    functions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Connect(Need):
    """Connect to a database as a role that holds exactly these grants: `{"devices": "SELECT, INSERT"}`.

    Raises ValueError for a role without any grant, and for a table, privilege or function that there is not.
    """

    resource: Database
    role: str
    grants: Mapping[str, str] = field(default_factory=dict, hash=False)
    functions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        subject = f"role {self.role} of {self.resource.name}"
        if not self.grants and not self.functions:
            raise ValueError(f"{subject}: may do nothing; name its grants or functions")
        if unknown := sorted(self.grants.keys() - self.resource.tables):
            raise ValueError(f"{subject}: there is no table {', '.join(unknown)}")
        if unknown := sorted(set(self.functions) - self.resource.functions):
            raise ValueError(f"{subject}: there is no function {', '.join(unknown)}")
        for table, privileges in self.grants.items():
            if unknown := sorted(set(privileges.split(", ")) - PRIVILEGES):
                raise ValueError(f"{subject}: {', '.join(map(repr, unknown))} on {table} is not a privilege")

    @property
    def description(self) -> str:
        """What it is, for people to read."""
        return f"{self.resource.name} as {self.role}"

    @property
    def database_role(self) -> DatabaseRole:
        """The role with all that it holds."""
        return DatabaseRole(self.role, self.grants, self.functions)


@dataclass(frozen=True, slots=True)
class MeasureDatabase(Connect):
    """Connect to a database as a role that holds no grant, and read the metrics of its instance where it has one."""

    role: str = "monitor"

    def __post_init__(self) -> None:
        """Take a role without grants."""

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables that it brings."""
        return (*self.resource.variables, "DATABASE_INSTANCE")

    @property
    def description(self) -> str:
        """What it is, for people to read."""
        return f"measures {self.resource.name} as {self.role}"


@dataclass(frozen=True, slots=True)
class OwnDatabase(Need):
    """Connect to a database as its owner, who migrates it and gives every role of the catalogue its grants."""

    resource: Database
    text = "{} as its owner"

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables that it brings."""
        return (*self.resource.variables, "DATABASE_PASSWORD_FILE")


@dataclass(frozen=True, slots=True)
class KeepFiles(Need):
    """List, read, write and delete files. Where the environment has no such bucket, whoever needs it does not run."""

    resource: FileStore
    text = "keeps {}"


@dataclass(frozen=True, slots=True)
class ReadFiles(Need):
    """Read the files below `folders`, which end with a slash. Where the environment has no such bucket, its variable
    is not set and whoever needs it runs without.
    """

    resource: FileStore
    folders: tuple[str, ...]
    text = "reads {}, where it is kept"

    def __post_init__(self) -> None:
        """Refuse what would be more than folders: the beginning of a name, or everything."""
        if not self.folders or not all(folder[:-1] and folder.endswith("/") for folder in self.folders):
            raise ValueError(
                f"{self.resource.name}: name the folders, each with a slash at its end, not {self.folders}"
            )


@dataclass(frozen=True, slots=True)
class KnowWhetherKept(Need):
    """Know whether the environment has a bucket for files."""

    resource: FileStore
    text = "knows whether there are {}"

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variable that it brings."""
        return (self.resource.switch,)


@dataclass(frozen=True, slots=True)
class ReadSecret(Need):
    """Read a secret."""

    resource: Secret
    text = "reads {}"


@dataclass(frozen=True, slots=True)
class RotateSecret(Need):
    """Make a secret, and make it anew when it is old."""

    resource: Secret
    text = "rotates {}"

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables that it brings."""
        return ("AWS_REGION", self.resource.id_variable)


@dataclass(frozen=True, slots=True)
class HttpCall(Need):
    """Send HTTP requests to an endpoint beside the services, for example Prometheus."""

    resource: Endpoint
    text = "calls {}"


@dataclass(frozen=True, slots=True)
class CallService(Need):
    """Send HTTP requests to another service. It admits those that declare this and nobody else."""

    resource: ServiceEndpoint
    text = "calls {}"


@dataclass(frozen=True, slots=True)
class PublicUrl(Need):
    """Know where people and devices reach the platform."""

    resource: PublicEndpoint = PUBLIC
    text = "knows the public URL"


@dataclass(frozen=True, slots=True)
class SignIn(Need):
    """Know who signs people in, if anybody does, and what people may then do."""

    resource: Login = LOGIN
    text = "knows who signs people in"


@dataclass(frozen=True, slots=True)
class PlatformSignals(Need):
    """Know which queries of Prometheus tell how the platform itself is."""

    resource: SignalSource = SIGNALS
    text = "knows the platform's own signals"


@dataclass(frozen=True, slots=True)
class SendWebhooks(Need):
    """Send HTTP requests to the webhooks that alerts are routed to, wherever on the internet they are."""

    resource: Routing = NOTIFICATIONS
    text = "sends to webhooks"


def variables(needs: Iterable[Need]) -> tuple[str, ...]:
    """Return every environment variable that the needs bring, each once."""
    return tuple(dict.fromkeys(variable for need in needs for variable in need.variables))
