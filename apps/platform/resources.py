"""What a process can need, each by its name, with the environment variables that lead to it. Plain data."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ManagedResource:
    """Something that every place where the platform runs provides in its own way."""

    name: str

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables that lead to it."""
        raise NotImplementedError

    @property
    def prefix(self) -> str:
        """Its name as environment variables begin with it."""
        return self.name.upper().replace("-", "_")


@dataclass(frozen=True, slots=True)
class Stream(ManagedResource):
    """A Kinesis data stream."""

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables that name it."""
        return ("AWS_REGION", f"{self.prefix}_STREAM")


@dataclass(frozen=True, slots=True)
class Database(ManagedResource):
    """A PostgreSQL database. Its tables and functions are what a grant may name."""

    tables: frozenset[str] = frozenset()
    functions: frozenset[str] = frozenset()
    """With the types of their arguments, for example `ensure_partition(timestamptz)`."""

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables that lead to it."""
        return ("AWS_REGION", *(f"DATABASE_{part}" for part in ("HOST", "PORT", "NAME", "USER", "AUTH", "CA_FILE")))


@dataclass(frozen=True, slots=True)
class FileStore(ManagedResource):
    """A bucket of S3 for files that outlive an environment. An environment may do without it."""

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables that name it."""
        return ("AWS_REGION", f"{self.prefix}_BUCKET")

    @property
    def switch(self) -> str:
        """The environment variable that says whether the environment has it."""
        return f"{self.prefix}_ENABLED"


@dataclass(frozen=True, slots=True)
class Secret(ManagedResource):
    """A secret that the process reads as a file, again whenever it changes."""

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variable that holds the file's path."""
        return (self.variable,)

    @property
    def variable(self) -> str:
        """The environment variable that holds the file's path."""
        return f"{self.prefix}_FILE"

    @property
    def id_variable(self) -> str:
        """The environment variable that holds its id in Secrets Manager, for whoever rotates it."""
        return f"{self.prefix}_SECRET_ID"


@dataclass(frozen=True, slots=True)
class Endpoint(ManagedResource):
    """What answers HTTP inside the platform, for example Prometheus."""

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variable that holds its URL."""
        return (self.variable,)

    @property
    def variable(self) -> str:
        """The environment variable that holds its URL."""
        return f"{self.prefix}_URL"


@dataclass(frozen=True, slots=True)
class ServiceEndpoint(Endpoint):
    """A service of the catalogue, by its name."""


@dataclass(frozen=True, slots=True)
class PublicEndpoint(Endpoint):
    """Where people and devices reach the platform."""


LOGIN_PARTS = (
    "ISSUER",
    "CLIENT_ID",
    "SIGNER",
    "KEYS_URL",
    "NAME_CLAIM",
    "GROUPS_CLAIM",
    "ROLES",
    "DEFAULT_ROLE",
    "LABELS",
)


@dataclass(frozen=True, slots=True)
class Login(ManagedResource):
    """What people sign in with, and what they and those who do not may then do."""

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables that say so; what one does not say has its default."""
        return (*(self.variable(part) for part in LOGIN_PARTS), "ANONYMOUS", "LOCAL_OPERATOR")

    def variable(self, part: str) -> str:
        """The environment variable of one of `LOGIN_PARTS`."""
        return f"{self.prefix}_{part}"


@dataclass(frozen=True, slots=True)
class Routing(ManagedResource):
    """Who is told of which alerts: what a process must know of it beside Alertmanager's own configuration."""

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variable that holds it."""
        return (self.prefix,)


@dataclass(frozen=True, slots=True)
class SignalSource(ManagedResource):
    """What tells how the platform itself is: queries of its own metrics."""

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variable that holds the queries."""
        return (self.prefix,)
