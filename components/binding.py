"""How the needs of a declaration are met in one stack: by whom, and through what."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

import pulumi

from apps.platform.needs import CallService, HttpCall, Need
from apps.platform.resources import ManagedResource
from components.identity.iam import Identity

EnvironmentVariables: TypeAlias = Mapping[str, pulumi.Input[str]]
Grant: TypeAlias = Callable[[Identity], pulumi.Resource]
Admit: TypeAlias = Callable[[str, pulumi.Input[str]], pulumi.Resource]
"""Opens what answers to the members of a security group, under a name that says whose it is."""


Actions: TypeAlias = Mapping[type[Need], tuple[str, ...]]
"""By kind of need: what meeting it allows on the resource itself, beside the use of its key."""


@dataclass(frozen=True, slots=True)
class EgressTarget:
    """Where a pod may connect to, on one TCP port: addresses (`except_` some of them), or pods of a namespace.

    `pod`: the name of the workload whose pods are meant; None: every pod of the namespace.
    """

    port: int
    cidrs: tuple[str, ...] = ()
    except_: tuple[str, ...] = ()
    namespace: str | None = None
    pod: str | None = None

    def __post_init__(self) -> None:
        if bool(self.cidrs) == bool(self.namespace):
            raise ValueError("an egress target names addresses or a namespace")


@dataclass(frozen=True, slots=True)
class MountedKey:
    """A key of a Kubernetes Secret, mounted as the file that `variable` names."""

    variable: str
    secret: str
    key: str


@dataclass(frozen=True, slots=True)
class Binding:
    """What a need becomes: environment, permission, way through the network, files."""

    environment: EnvironmentVariables = field(default_factory=dict)
    grant: Grant | None = None
    calls_aws: bool = False
    """Whether the process sends requests to AWS; a token for the database is made without any."""
    egress: tuple[EgressTarget, ...] = ()
    admit: Admit | None = None
    """How machines beside the cluster are let in, whose pods are."""
    files: tuple[MountedKey, ...] = ()
    depends_on: tuple[pulumi.Resource, ...] = ()


Handlers: TypeAlias = Mapping[type[Need], Callable[[Any], Binding]]
"""By kind of need: how it is met. A handler takes a need of its kind."""


class Provider(Protocol):
    """Something that meets the needs of one resource."""

    @property
    def handlers(self) -> Handlers:
        """Return how each kind of need is met."""


Providers: TypeAlias = Mapping[ManagedResource, Provider]


def bind(needs: Iterable[Need], providers: Providers) -> tuple[Binding, ...]:
    """Return how each need is met.

    Raises ValueError for a resource that the stack does not have, TypeError for one that does not meet such a need.
    """
    return tuple(_bind(need, providers) for need in needs)


def _bind(need: Need, providers: Providers) -> Binding:
    kind, resource = type(need), need.resource
    if resource not in providers:
        raise ValueError(f"{kind.__name__}({resource.name}): the stack has no {resource.name}")
    provider = providers[resource]
    if kind not in provider.handlers:
        raise TypeError(f"{kind.__name__}({resource.name}): {type(provider).__name__} cannot meet it")
    return provider.handlers[kind](need)


@dataclass(frozen=True, slots=True)
class ClusterEndpoint:
    """What answers HTTP in the cluster: a Kubernetes Service. `pod`: see EgressTarget."""

    service: str
    namespace: str
    port: int
    pod: str | None = None
    depends_on: tuple[pulumi.Resource, ...] = ()

    @property
    def url(self) -> str:
        """Where it answers inside the cluster."""
        return f"http://{self.service}.{self.namespace}.svc:{self.port}"

    @property
    def handlers(self) -> Handlers:
        """Return how calls are met."""
        return {HttpCall: self._call, CallService: self._call}

    def _call(self, need: HttpCall | CallService) -> Binding:
        target = EgressTarget(self.port, namespace=self.namespace, pod=self.pod)
        return Binding({need.resource.variable: self.url}, egress=(target,), depends_on=self.depends_on)


@dataclass(frozen=True, slots=True)
class KnownValue:
    """What is known before anything is made. `kind`: the need that it meets, by its only variable.

    `egress`: where whoever needs to know it may connect to.
    """

    kind: type[Need]
    value: pulumi.Input[str]
    egress: tuple[EgressTarget, ...] = ()

    @property
    def handlers(self) -> Handlers:
        """Return how the need is met."""
        return {self.kind: self._tell}

    def _tell(self, need: Need) -> Binding:
        (variable,) = need.variables
        return Binding({variable: self.value}, egress=self.egress)
