"""The stacks of this repository break no check, and would break one without any of their security settings."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from pulumi.output import Unknown

from policy import charts, permissions, trust
from policy.check import (
    Check,
    Resource,
    StackCheck,
    Violation,
    environments_of,
    is_production,
    violations,
)
from policy.checks import ALL
from policy.documents import statements
from policy.errors import UnknownValueError
from policy.properties import UnknownProperties, get_path, strings
from stacks.config import is_account_stack, load_environment, read_stack_file
from tests.stacks.stacks_under_test import account_graph, environment_graph, mesh_graph

STACKS = ("dev", "prod", "bootstrap", "bootstrap-prod")

POD = ("spec", "template", "spec")
CONTAINER = (*POD, "containers", 0)
SCHEDULED = ("spec", "jobTemplate", "spec", "template", "spec")

Path = tuple[str | int, ...]
"""Steps from the inputs of a resource to one of its settings."""

SETTINGS: list[tuple[str, Path]] = [
    ("aws:ec2/launchTemplate:LaunchTemplate", ("metadataOptions", "httpTokens")),
    ("aws:ec2/launchTemplate:LaunchTemplate", ("metadataOptions", "httpPutResponseHopLimit")),
    ("aws:ec2/launchTemplate:LaunchTemplate", ("blockDeviceMappings", 0, "ebs", "encrypted")),
    ("aws:ec2/launchTemplate:LaunchTemplate", ("tagSpecifications",)),
    ("eks:index:Cluster", ("endpointPrivateAccess",)),
    ("eks:index:Cluster", ("publicAccessCidrs",)),
    ("eks:index:Cluster", ("enabledClusterLogTypes",)),
    ("eks:index:Cluster", ("encryptionConfigKeyArn",)),
    ("eks:index:Cluster", ("authenticationMode",)),
    ("aws:rds/instance:Instance", ("storageEncrypted",)),
    ("aws:rds/instance:Instance", ("kmsKeyId",)),
    ("aws:rds/instance:Instance", ("iamDatabaseAuthenticationEnabled",)),
    ("aws:rds/instance:Instance", ("enabledCloudwatchLogsExports",)),
    ("aws:rds/parameterGroup:ParameterGroup", ("parameters",)),
    ("aws:kinesis/stream:Stream", ("encryptionType",)),
    ("aws:kinesis/stream:Stream", ("kmsKeyId",)),
    ("aws:eks/nodeGroup:NodeGroup", ("launchTemplate",)),
    ("aws:iam/role:Role", ("permissionsBoundary",)),
    ("aws:lb/loadBalancer:LoadBalancer", ("dropInvalidHeaderFields",)),
    ("kubernetes:storage.k8s.io/v1:StorageClass", ("parameters", "encrypted")),
    ("kubernetes:helm.sh/v3:Release", ("version",)),
    ("kubernetes:core/v1:Namespace", ("metadata", "labels")),
    ("kubernetes:apps/v1:Deployment", (*POD, "securityContext", "seccompProfile")),
    ("kubernetes:apps/v1:Deployment", (*POD, "automountServiceAccountToken")),
    ("kubernetes:apps/v1:Deployment", (*POD, "serviceAccountName")),
    ("kubernetes:apps/v1:Deployment", (*POD, "topologySpreadConstraints")),
    ("kubernetes:apps/v1:Deployment", (*CONTAINER, "securityContext", "allowPrivilegeEscalation")),
    ("kubernetes:apps/v1:Deployment", (*CONTAINER, "securityContext", "capabilities")),
    ("kubernetes:apps/v1:Deployment", (*CONTAINER, "securityContext", "readOnlyRootFilesystem")),
    ("kubernetes:apps/v1:Deployment", (*CONTAINER, "livenessProbe")),
    ("kubernetes:apps/v1:Deployment", (*CONTAINER, "readinessProbe")),
    ("kubernetes:apps/v1:Deployment", (*CONTAINER, "resources")),
    ("kubernetes:batch/v1:CronJob", ("spec", "concurrencyPolicy")),
    ("kubernetes:batch/v1:CronJob", (*SCHEDULED, "securityContext")),
    ("kubernetes:batch/v1:CronJob", (*SCHEDULED, "containers", 0, "securityContext")),
    ("kubernetes:batch/v1:Job", (*POD, "securityContext")),
    ("kubernetes:batch/v1:Job", (*CONTAINER, "securityContext")),
    ("kubernetes:batch/v1:Job", ("spec", "activeDeadlineSeconds")),
]

ONLY_IN_PRODUCTION: list[tuple[str, Path]] = [
    ("aws:rds/instance:Instance", ("deletionProtection",)),
    ("aws:rds/instance:Instance", ("backupRetentionPeriod",)),
    ("aws:lb/loadBalancer:LoadBalancer", ("accessLogs",)),
    ("aws:lb/loadBalancer:LoadBalancer", ("enableDeletionProtection",)),
    ("aws:lb/listener:Listener", ("sslPolicy",)),
]

OF_AN_ACCOUNT: list[tuple[str, Path]] = [
    ("aws:cloudwatch/logGroup:LogGroup", ("kmsKeyId",)),
    ("aws:cloudwatch/logGroup:LogGroup", ("retentionInDays",)),
    ("aws:kms/key:Key", ("enableKeyRotation",)),
    ("aws:secretsmanager/secret:Secret", ("kmsKeyId",)),
]

NEEDED = [
    "aws:ec2/flowLog:FlowLog",
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
    "kubernetes:networking.k8s.io/v1:NetworkPolicy",
]


@cache
def resources(stack: str, *, preview: bool = False) -> list[Resource]:
    graph = (account_graph if is_account_stack(stack) else environment_graph)(stack, preview=preview)
    return [
        Resource(
            type=resource.type,
            name=resource.name,
            props=Previewed(resource.inputs) if preview else resource.inputs,
            urn=resource.urn,
            identity=frozenset({f"{resource.name}-id", resource.outputs.get("arn", resource.name)}),
            references=resource.property_dependencies,
        )
        for resource in graph.resources
        if resource.custom or resource.type.startswith("eks:")
    ]


class Previewed(Mapping[str, Any]):
    """Properties of a preview, as pulumi-policy shows them."""

    def __init__(self, props: Mapping[str, Any]) -> None:
        self._props = props

    def __getitem__(self, key: str) -> Any:
        return previewed(self._props[key])

    def __iter__(self) -> Iterator[str]:
        return iter(self._props)

    def __len__(self) -> int:
        return len(self._props)


class PreviewedList(Sequence[Any]):
    def __init__(self, values: list[Any]) -> None:
        self._values = values

    def __getitem__(self, index: Any) -> Any:
        return previewed(self._values[index])

    def __len__(self) -> int:
        return len(self._values)


def previewed(value: Any) -> Any:
    if isinstance(value, Unknown):
        raise UnknownValueError
    if isinstance(value, dict):
        return Previewed(value)
    return PreviewedList(value) if isinstance(value, list) else value


def production(stack: str) -> bool:
    return is_production(None if is_account_stack(stack) else read_stack_file(stack, "environment"))


def environments(stack: str) -> tuple[str, ...]:
    return environments_of(read_stack_file(stack, "bootstrap") if is_account_stack(stack) else None)


def violations_of(stack: str, resources: list[Resource], checks: Sequence[Check] = ALL) -> list[Violation]:
    return violations(checks, resources, production=production(stack), environments=environments(stack))


def broken(stack: str, changed: list[Resource]) -> list[str]:
    return [violation.check for violation in violations_of(stack, changed)]


@pytest.mark.parametrize("preview", [False, True], ids=["update", "preview"])
@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_breaks_no_check(stack: str, preview: bool) -> None:
    assert violations_of(stack, resources(stack, preview=preview)) == []


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_a_cluster_of_which_a_first_preview_shows_nothing_is_not_taken_for_empty(stack: str) -> None:
    together = [check for check in ALL if isinstance(check, StackCheck)]
    shown = [
        replace(resource, props=UnknownProperties()) if resource.type.startswith("kubernetes:") else resource
        for resource in resources(stack, preview=True)
    ]
    assert violations_of(stack, shown, together) == []


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_what_is_protected_is_production(stack: str) -> None:
    assert production(stack) == load_environment(stack).protected


def test_every_action_said_to_be_unscopable_is_allowed_somewhere() -> None:
    allowed = {
        action
        for resource in everything(permissions.POLICY)
        for statement in statements(resource.props.get("policy"))
        if "*" in statement.resources
        for action in statement.actions
    }
    assert [start for start in permissions.NOT_SCOPABLE if not any(a.startswith(start) for a in allowed)] == []


def test_every_policy_of_aws_that_may_be_attached_is_attached_somewhere() -> None:
    attached = {
        arn for resource in everything(permissions.ATTACHMENT) for arn in strings(resource.props.get("policyArn"))
    }
    assert set(permissions.ATTACHABLE) <= attached


def test_every_chart_that_may_read_its_node_is_installed_somewhere() -> None:
    in_mesh = {resource.inputs["chart"] for resource in mesh_graph().of("Release")}
    assert (
        set(charts.HOST_READERS)
        <= {charts.chart_of(resource.props) for resource in everything(charts.RELEASE)} | in_mesh
    )


def everything(types: Sequence[str]) -> list[Resource]:
    return [resource for stack in STACKS for resource in resources(stack) if resource.is_a(types)]


@pytest.mark.parametrize("stack", ["bootstrap", "bootstrap-prod"])
def test_only_the_role_of_an_environment_of_the_account_may_deploy(stack: str) -> None:
    declared = resources(stack)
    assert [role.name for role in declared if role.is_a(trust.ROLE) and trust.deploys(role, environments(stack))] == [
        f"deploy-{environment}" for environment in environments(stack)
    ]
    found = {violation.check for violation in violations(ALL, declared, production=True, environments=("staging",))}
    assert {"iam-no-wildcards", "kinesis-one-side"} <= found, "in another account's eyes its policies are too wide"


@pytest.mark.parametrize("who", [":environment:preview", ":ref:refs/heads/main"])
def test_a_role_that_deploys_is_known_by_who_may_assume_it(who: str) -> None:
    (environment,) = environments("bootstrap")
    changed = [
        replace(
            resource,
            props={**resource.props, "assumeRolePolicy": resource.props["assumeRolePolicy"].replace(mine, who)},
        )
        if resource.name == f"deploy-{environment}" and resource.is_a(trust.ROLE)
        else resource
        for resource in resources("bootstrap")
        for mine in [f":environment:{environment}"]
    ]
    assert {"iam-no-wildcards", "kinesis-one-side"} <= set(broken("bootstrap", changed))


@pytest.mark.parametrize("stack", ["dev", "prod"])
@pytest.mark.parametrize(("kind", "path"), SETTINGS, ids=lambda part: part if isinstance(part, str) else str(part[-1]))
def test_no_resource_goes_without_a_security_setting_unnoticed(stack: str, kind: str, path: Path) -> None:
    assert_each_is_noticed(stack, kind, path, unless=lambda resource: resource.name == "monitoring")


@pytest.mark.parametrize(("kind", "path"), OF_AN_ACCOUNT, ids=lambda part: str(part[-1]))
def test_what_outlives_an_environment_does_not_go_unprotected_unnoticed(kind: str, path: Path) -> None:
    assert_each_is_noticed("bootstrap", kind, path)


@pytest.mark.parametrize(("kind", "path"), ONLY_IN_PRODUCTION, ids=lambda part: str(part[-1]))
def test_production_data_does_not_go_unprotected_unnoticed(kind: str, path: Path) -> None:
    assert_each_is_noticed("prod", kind, path)


@pytest.mark.parametrize("stack", ["dev", "prod"])
@pytest.mark.parametrize("kind", NEEDED)
def test_no_guard_of_others_goes_missing_unnoticed(stack: str, kind: str) -> None:
    declared = resources(stack)
    # What opens a way into a namespace that is closed guards nobody: without it, less is allowed.
    found = [resource for resource in declared if resource.type == kind and not opens_a_way(resource)]
    assert found
    for resource in found:
        assert broken(stack, [other for other in declared if other is not resource]), f"{resource.name} may be left out"


def opens_a_way(resource: Resource) -> bool:
    of_monitoring = resource.name.startswith("monitoring-") and resource.name != "monitoring-default-deny"
    return of_monitoring or resource.name.endswith("-load-balancer")


def test_no_bucket_goes_unprotected_unnoticed() -> None:
    declared = resources("bootstrap")
    guards = [
        resource
        for resource in declared
        if resource.type.startswith("aws:s3/") and resource.type != "aws:s3/bucket:Bucket"
    ]
    kinds = ("BucketPublicAccessBlock", "BucketVersioning", "BucketPolicy")
    for resource in (resource for resource in guards if resource.type.endswith(kinds)):
        assert broken("bootstrap", [other for other in declared if other is not resource]) == ["s3-buckets"], (
            resource.name
        )


def assert_each_is_noticed(
    stack: str, kind: str, path: Path, unless: Callable[[Resource], bool] = lambda _: False
) -> None:
    declared = resources(stack)
    found = [
        resource
        for resource in declared
        if resource.type == kind and get_path(resource.props, *path) is not None and not unless(resource)
    ]
    assert found, f"no {kind} says {path}"
    for resource in found:
        props = without(resource.props, *path)
        changed = [replace(resource, props=props) if other is resource else other for other in declared]
        assert broken(stack, changed), f"{resource.name} may go without {path}"


def without(value: Any, step: str | int, *further: str | int) -> Any:
    """Return a copy, new along the path only, that lacks what stands at its end."""
    copy: Any = dict(value) if isinstance(value, dict) else list(value)
    if further:
        copy[step] = without(copy[step], *further)
    else:
        del copy[step]
    return copy
