"""How the needs of a declaration are met in one stack: by whom, and through what."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import pulumi

from apps.platform.service import (
    Administer,
    Call,
    Connect,
    Consume,
    Database,
    Endpoint,
    Need,
    Produce,
    Read,
    Renew,
    Secret,
    Stream,
)
from components.identity.pod_identity import PodIdentity

Environment: TypeAlias = Mapping[str, pulumi.Input[str]]
Grant: TypeAlias = Callable[[PodIdentity], pulumi.Resource]
Thing: TypeAlias = Stream | Database | Secret | Endpoint


@dataclass(frozen=True, slots=True)
class Reach:
    """Where a pod may connect to: addresses (`besides` some of them), or pods of a namespace, on one TCP port."""

    port: int
    cidrs: tuple[str, ...] = ()
    besides: tuple[str, ...] = ()
    namespace: str | None = None

    def __post_init__(self) -> None:
        if bool(self.cidrs) == bool(self.namespace):
            raise ValueError("a reach names addresses or a namespace")


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A key of a Kubernetes Secret, mounted as the file that `variable` names."""

    variable: str
    secret: str
    key: str


@dataclass(frozen=True, slots=True)
class Binding:
    """What a need becomes: environment, permission, way through the network, files."""

    environment: Environment = field(default_factory=dict)
    grant: Grant | None = None
    calls_aws: bool = False
    """Whether the process sends requests to AWS; a token for the database is made without any."""
    reaches: tuple[Reach, ...] = ()
    files: tuple[SecretFile, ...] = ()
    after: tuple[pulumi.Resource, ...] = ()


@dataclass(frozen=True, slots=True)
class ClusterEndpoint:
    """Something of the cluster that answers HTTP: a Kubernetes Service of another namespace."""

    endpoint: Endpoint
    service: str
    namespace: str
    port: int
    after: tuple[pulumi.Resource, ...] = ()

    @property
    def url(self) -> str:
        """Where it answers inside the cluster."""
        return f"http://{self.service}.{self.namespace}.svc:{self.port}"

    def bind(self, need: Need) -> Binding:
        """Return how a Call of this endpoint is met."""
        if not isinstance(need, Call):
            raise TypeError(f"an endpoint cannot meet {need}")
        reach = Reach(self.port, namespace=self.namespace)
        return Binding({self.endpoint.variable: self.url}, reaches=(reach,), after=self.after)


class Provides(Protocol):
    """Something that meets needs."""

    def bind(self, need: Need) -> Binding:
        """Return how `need` is met. Raises TypeError for a need of another kind."""


Bindings: TypeAlias = Mapping[Thing, Provides]


def bind(needs: tuple[Need, ...], bindings: Bindings) -> tuple[Binding, ...]:
    """Return how each need is met. Raises ValueError for something that the stack does not have."""
    met = []
    for need in needs:
        thing = _thing(need)
        if thing not in bindings:
            raise ValueError(f"{type(need).__name__}({thing.name}): the stack has no {thing.name}")
        met.append(bindings[thing].bind(need))
    return tuple(met)


def _thing(need: Need) -> Thing:
    match need:
        case Produce() | Consume():
            return need.stream
        case Connect() | Administer():
            return need.database
        case Read() | Renew():
            return need.secret
        case Call():
            return need.endpoint
