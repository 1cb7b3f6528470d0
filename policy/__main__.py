"""The CrossGuard pack: a thin shell that hands the engine's resources to the checks."""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

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

from policy.check import (
    Check,
    Resource,
    ResourceCheck,
    StackCheck,
    UnknownProperties,
    environments_of,
    is_production,
    until_unknown,
)
from policy.checks import ALL


def policy(check: Check) -> ResourceValidationPolicy | StackValidationPolicy:
    """Return a check as CrossGuard's policy."""
    if isinstance(check, ResourceCheck):
        return ResourceValidationPolicy(check.name, check.description, _resource_validation(check))
    return StackValidationPolicy(check.name, check.description, _stack_validation(check))


def _resource_validation(check: ResourceCheck) -> Callable[[ResourceValidationArgs, ReportViolation], None]:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        config = pulumi.Config()
        production = is_production(config.get_object("environment"))
        environments = environments_of(config.get_object("bootstrap"))
        if check.applies_to(args.resource_type, args.name, production=production, environments=environments):
            for text in until_unknown(lambda: check.find(args.props)):
                report(f"{args.name} {text}", args.urn)

    return validate


def _stack_validation(check: StackCheck) -> Callable[[StackValidationArgs, ReportViolation], None]:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        resources = [_resource(resource) for resource in args.resources]
        for resource, text in until_unknown(lambda: check.find(resources)):
            report(f"{resource.name} {text}", resource.urn)

    return validate


def _resource(resource: PolicyResource) -> Resource:
    names = (name for key in ("id", "arn", "name", "bucket") for name in until_unknown(partial(_value, resource, key)))
    return Resource(
        type=resource.resource_type,
        name=resource.name,
        props=resource.props or UnknownProperties(),
        urn=resource.urn,
        identity=frozenset(name for name in names if isinstance(name, str)),
        references={name: frozenset(r.urn for r in used) for name, used in resource.property_dependencies.items()},
    )


def _value(resource: PolicyResource, key: str) -> Iterator[Any]:
    yield resource.props.get(key)


PolicyPack(
    name="sensor-analytics", enforcement_level=EnforcementLevel.MANDATORY, policies=[policy(check) for check in ALL]
)
