"""The CrossGuard pack: a thin shell that hands the engine's resources to the checks."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pulumi
from pulumi_policy import (
    EnforcementLevel,
    PolicyPack,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)

sys.path.insert(0, str(Path(__file__).parents[1]))

from policy.check import Check, Resource, ResourceCheck, Stack, environments_of, examine, is_production
from policy.checks import ALL
from policy.properties import UnknownProperties, is_unknown


def policy(check: Check) -> ResourceValidationPolicy | StackValidationPolicy:
    """Return a check as CrossGuard's policy."""
    if isinstance(check, ResourceCheck):
        return ResourceValidationPolicy(check.name, check.description, _resource_validation(check))
    return StackValidationPolicy(check.name, check.description, _stack_validation(check))


def checked_later() -> StackValidationPolicy:
    """Return the policy that stops nothing: it says which checks wait for values that a preview does not know."""
    description = "Says what a preview cannot check yet: the deployment does, once the values are known"
    return StackValidationPolicy("checked-later", description, _say_what_waits, EnforcementLevel.ADVISORY)


def _resource_validation(check: ResourceCheck) -> Callable[[ResourceValidationArgs, ReportViolation], None]:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        resource = Resource(type=args.resource_type, name=args.name, props=args.props, urn=args.urn)
        _report(check, _stack([resource]), report)

    return validate


def _stack_validation(check: Check) -> Callable[[StackValidationArgs, ReportViolation], None]:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        _report(check, _stack([_resource(resource) for resource in args.resources]), report)

    return validate


def _report(check: Check, stack: Stack, report: ReportViolation) -> None:
    for resource, text in examine(check, stack):
        if text is not None:
            report(f"{resource.name} {text}", resource.urn)


def _say_what_waits(args: StackValidationArgs, report: ReportViolation) -> None:
    stack = _stack([_resource(resource) for resource in args.resources])
    for check in ALL:
        if waiting := ", ".join(resource.name for resource, text in examine(check, stack) if text is None):
            report(f"{check.name} is checked later, when values are known that only a deployment brings, of {waiting}")


def _stack(resources: list[Resource]) -> Stack:
    config = pulumi.Config()
    return Stack(
        resources,
        production=is_production(config.get_object("environment")),
        environments=environments_of(config.get_object("bootstrap")),
    )


def _resource(resource: PolicyResource) -> Resource:
    return Resource(
        type=resource.resource_type,
        name=resource.name,
        props=resource.props or UnknownProperties(),
        urn=resource.urn,
        identity=frozenset(_identity(resource)),
        references={name: frozenset(r.urn for r in used) for name, used in resource.property_dependencies.items()},
    )


def _identity(resource: PolicyResource) -> Iterator[str]:
    for key in ("id", "arn", "name", "bucket"):
        try:
            value = resource.props.get(key)
        except Exception as error:
            if not is_unknown(error):
                raise
            continue
        if isinstance(value, str):
            yield value


PolicyPack(
    name="sensor-analytics",
    enforcement_level=EnforcementLevel.MANDATORY,
    policies=[*(policy(check) for check in ALL), checked_later()],
)
