"""What a check is: a name, what it demands, and a pure function that finds what breaks it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from typing import TypeAlias

from policy.properties import Properties, is_unknown, strings


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource as the engine knows it.

    `identity`: what other resources may call it by (id, name, ARN). `references`: the URNs that each property refers
    to, where the engine tells.
    """

    type: str
    name: str
    props: Properties
    urn: str = ""
    identity: frozenset[str] = frozenset()
    references: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def refers_to(self, other: "Resource", name: str) -> bool:
        """Tell whether property `name` is, or holds, another resource's id, name or ARN."""
        urns = self.references.get(name, frozenset())
        if other.urn in urns:
            return True
        try:
            return not other.identity.isdisjoint(strings(self.props.get(name)))
        except Exception as error:
            # In a preview the value may not be known yet: what it comes from is.
            if is_unknown(error) and urns:
                return False
            raise

    def is_a(self, types: Iterable[str]) -> bool:
        """Tell whether it is of one of these types. `*` in a type stands for anything: an older group, another API."""
        return _fits(self.type, tuple(types))


@cache
def _fits(type_: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(type_, pattern) for pattern in patterns)


@dataclass(frozen=True, slots=True)
class Stack:
    """The resources of a stack, and what its configuration says of it.

    `environments`: those that an account's stack deploys.
    """

    resources: Sequence[Resource]
    production: bool = True
    environments: Sequence[str] = ()

    def of(self, types: Iterable[str]) -> Iterator[Resource]:
        """Yield the resources of some types."""
        wanted = tuple(types)
        return (resource for resource in self.resources if resource.is_a(wanted))

    def referred(self, resource: Resource, name: str, types: Iterable[str]) -> Resource | None:
        """Return the resource of some types that a property refers to."""
        return next((other for other in self.of(types) if resource.refers_to(other, name)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """A demand on resources of some types.

    `also`: what other tools call it: ids of checkov, names of kube-score, numbers of CIS benchmarks.
    """

    name: str
    description: str
    types: tuple[str, ...]
    also: tuple[str, ...] = ()
    production_only: bool = False

    def applies_to(self, resource: Resource, *, production: bool) -> bool:
        """Tell whether a resource must meet the demand."""
        return (production or not self.production_only) and resource.is_a(self.types)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceCheck(Demand):
    """A demand that a resource's own inputs meet: the engine asks before the resource is made.

    `find` yields what is wrong with the inputs.
    """

    find: Callable[[Properties], Iterator[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StackCheck(Demand):
    """A demand that a resource meets together with others: the engine asks once it has seen them all.

    `find` yields what is wrong with the resource.
    """

    find: Callable[[Resource, Stack], Iterator[str]]


Check: TypeAlias = ResourceCheck | StackCheck


@dataclass(frozen=True, slots=True)
class Violation:
    """What a check found."""

    check: str
    resource: str
    text: str


def violations(
    checks: Iterable[Check], resources: Sequence[Resource], *, production: bool, environments: Sequence[str] = ()
) -> list[Violation]:
    """Run checks over the resources of a stack."""
    stack = Stack(resources, production, environments)
    return [
        Violation(check.name, resource.name, text)
        for check in checks
        for resource, text in examine(check, stack)
        if text is not None
    ]


def examine(check: Check, stack: Stack) -> Iterator[tuple[Resource, str | None]]:
    """Yield each offender with what is wrong with it.

    None instead of a text: a value is not known yet, so the check of this resource ends when it is.
    """
    for resource in stack.resources:
        if check.applies_to(resource, production=stack.production):
            try:
                found = check.find(resource.props) if isinstance(check, ResourceCheck) else check.find(resource, stack)
                for text in found:
                    yield resource, text
            except Exception as error:
                if not is_unknown(error):
                    raise
                yield resource, None


def is_production(environment: Properties | None) -> bool:
    """Tell whether a stack's configuration protects it; one that is not known is held to every demand."""
    return environment is None or bool(environment.get("protected"))


def environments_of(account: Properties | None) -> tuple[str, ...]:
    """Return the environments that an account deploys, by its configuration; none for a stack of another kind."""
    return tuple(strings(account.get("environments"))) if account else ()
