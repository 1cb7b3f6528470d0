"""The vocabulary in which a service is declared. Plain data: everything else is derived from it.

On AWS a declaration becomes a workload with its identity, permissions, network policy, probes, autoscaling and
environment; on a laptop a child process; in the documentation a row of a table and its metrics.
"""

from dataclasses import dataclass
from types import ModuleType

from apps.platform.needs import Need, variables
from apps.platform.settings import Settings


@dataclass(frozen=True, slots=True)
class Scale:
    """How many replicas run: more when their CPU use passes `cpu`, a fraction of what they ask for."""

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
    """What one replica asks for, in Kubernetes quantities. Memory is also the limit; CPU has none."""

    cpu: str
    memory: str


@dataclass(frozen=True, slots=True)
class Probes:
    """Paths that tell whether the process lives, and whether it can serve."""

    liveness: str = "/health"
    readiness: str = "/ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """Something that runs. Raises ValueError when its settings do not read what its needs bring."""

    name: str
    resources: Resources
    module: str | None = None
    """The Python module that runs; None: what its image runs by itself."""
    arguments: tuple[str, ...] = ()
    settings: type[Settings] = Settings
    needs: tuple[Need, ...] = ()
    metrics: ModuleType | None = None
    """The module whose metrics it exports."""
    image: str = ""
    """The image that it runs in; by default the one of its package."""
    switch: str | None = None
    """The key of an environment's file without which it does not run; None: it always runs."""

    def __post_init__(self) -> None:
        if not self.image:
            object.__setattr__(self, "image", self.module.rpartition(".")[2] if self.module else self.name)
        known = {name.upper() for name in self.settings.model_fields}
        if missing := [variable for variable in variables(self.needs) if variable not in known]:
            raise ValueError(
                f"{self.name}: {self.settings.__name__} does not read {', '.join(missing)}, which its needs provide"
            )

    @property
    def server(self) -> "Server | None":
        """It itself, if it answers HTTP."""
        return None

    @property
    def runs(self) -> str:
        """When and how often it runs, for people to read."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Server(Declaration):
    """What runs all the time and answers HTTP on `port` (at the least its probes)."""

    scale: Scale = Scale(1, 1)
    port: int = 8000
    probes: Probes = Probes()
    public: tuple[str, ...] = ()
    """Path prefixes that the ingress sends here."""
    self_authenticating: bool = False
    """Whether each public request proves by itself who sent it, so that no login is asked for."""
    checks_tokens: bool = False
    """Whether it refuses every public request whose bearer token is wrong, so that who sends one needs no login."""
    checks_cookie: str = ""
    """Likewise the beginning of a cookie, as `name=prefix`, that it refuses where it is wrong; empty: there is none."""
    open_paths: tuple[str, ...] = ()
    """Patterns of public paths that show nothing of the platform, as a page's own files: no login is asked for."""
    scraped: bool = True
    """Whether it answers `/metrics`."""

    @property
    def server(self) -> "Server":
        """It itself: it answers HTTP."""
        return self

    @property
    def runs(self) -> str:
        """How many replicas run, and which paths lead there."""
        least, most = self.scale.minimum, self.scale.maximum
        replicas = f"{least} replicas" if least == most else f"{least} to {most} replicas"
        return "; ".join([replicas, *(f"`{path}`" for path in self.public)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Service(Server):
    """A process of ours that serves."""

    module: str
    settings: type[Settings]


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticSite(Server):
    """Static files behind a web server that reads no settings, needs nothing and has no metrics."""

    port: int = 8080
    probes: Probes = Probes(liveness="/healthz", readiness="/")
    public: tuple[str, ...] = ("/",)
    scraped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledService(Declaration):
    """A process that runs to its end, again and again, never twice at a time."""

    module: str
    settings: type[Settings]
    schedule: str
    """When, in cron's five fields, UTC."""
    deadline_seconds: int

    @property
    def runs(self) -> str:
        """When it runs."""
        return f"`{self.schedule}` UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseJob(Declaration):
    """A process that runs to its end once in each deployment, before any service starts."""

    module: str
    settings: type[Settings]
    deadline_seconds: int

    @property
    def runs(self) -> str:
        """When it runs."""
        return "in each deployment, before the services"
