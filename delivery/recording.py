"""A Pulumi engine that makes nothing: it answers as AWS would and keeps all that a program declared.

What a stack costs is computed from it, and the tests look at it. Pulumi's mocks tell type, name and inputs alone: a
monitor of our own, which `set_mocks` takes, reads parents, dependencies and protection from the requests themselves.
Its base class is documented nowhere: `tests/delivery/test_recording.py` says what an upgrade changed.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pulumi
from google.protobuf import struct_pb2
from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks, rpc
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.proto import resource_pb2

ACCOUNT = "111111111111"
REGION = "eu-west-1"
KUBECONFIG = '{"apiVersion": "v1", "kind": "Config", "clusters": []}'


@dataclass(frozen=True, slots=True)
class RecordedResource:
    """A resource as the program declared it. `inputs` are named as on the wire (camelCase)."""

    urn: str
    type: str
    name: str
    parent: str
    provider: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    dependencies: frozenset[str]
    property_dependencies: Mapping[str, frozenset[str]]
    protect: bool
    retain_on_delete: bool
    ignore_changes: tuple[str, ...]
    custom: bool


@dataclass(slots=True)
class Graph:
    """All that a program declared."""

    resources: list[RecordedResource] = field(default_factory=list)

    def of(self, kind: str) -> list[RecordedResource]:
        """Every resource of a type; the last part of its token is enough."""
        return [
            resource for resource in self.resources if resource.type == kind or resource.type.rpartition(":")[2] == kind
        ]

    def one(self, kind: str, name: str | None = None) -> RecordedResource:
        """The only resource of a type, or of a type and name."""
        found = [resource for resource in self.of(kind) if name is None or resource.name == name]
        if len(found) != 1:
            raise LookupError(
                f"{len(found)} resources are {kind} {name or ''}: {[resource.name for resource in self.of(kind)]}"
            )
        return found[0]

    def inside(self, component: RecordedResource) -> Iterator[RecordedResource]:
        """Everything below a component."""
        for resource in self.resources:
            if resource.parent == component.urn:
                yield resource
                yield from self.inside(resource)

    def waits_for(self, later: RecordedResource, earlier: RecordedResource) -> bool:
        """Whether `later` is made only after `earlier`, through any number of others, providers among them."""
        by_urn = {resource.urn: resource for resource in self.resources}
        seen, open_ = set(), [later.urn]
        while open_:
            urn = open_.pop()
            if urn in seen or urn not in by_urn:
                continue
            seen.add(urn)
            open_ += [*by_urn[urn].dependencies, by_urn[urn].provider.rpartition("::")[0]]
        return earlier.urn in seen - {later.urn}


def build(
    program: Callable[[], object],
    *,
    stack: str = "dev",
    preview: bool = False,
    existing: Mapping[str, Mapping[str, Any]] | None = None,
) -> Graph:
    """Run a program and return what it declared. With `preview`, ids and outputs are unknown as in a first preview.

    `existing`: what AWS answers when the program looks something up, by the function's token; the rest: as for a stack
    that is not made yet.
    """
    recorder = _Recorder(existing or {})
    monitor = _Monitor(recorder)
    with _own_loop():
        pulumi.runtime.set_mocks(recorder, "sensor-analytics", stack, preview, monitor=monitor)

        pulumi.runtime.test(program)()  # type: ignore[no-untyped-call]
    return Graph(monitor.recorded)


@contextmanager
def _own_loop() -> Iterator[None]:
    """An event loop for one program; what a failed program leaves under way ends with it."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        yield
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.close()
        asyncio.set_event_loop(None)


class _Monitor(MockMonitor):
    """Keeps what a mock is not told: dependencies, protection, parents."""

    def __init__(self, mocks: "_Recorder") -> None:
        super().__init__(mocks)
        self.recorded: list[RecordedResource] = []
        self._mocks = mocks

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 the name on the wire
        answer = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        if request.type != "pulumi:pulumi:Stack":
            args, outputs = self._mocks.last.pop((request.type, request.name))
            self.recorded.append(
                RecordedResource(
                    urn=answer.urn,
                    type=request.type,
                    name=request.name,
                    parent=request.parent,
                    provider=request.provider,
                    inputs={
                        name: _with_nulls(rpc.unwrap_rpc_secret(value), request.object[name])
                        for name, value in args.inputs.items()
                    },
                    outputs=outputs,
                    dependencies=frozenset(request.dependencies),
                    property_dependencies={
                        name: frozenset(on.urns) for name, on in request.propertyDependencies.items()
                    },
                    protect=request.protect,
                    retain_on_delete=request.retainOnDelete,
                    ignore_changes=tuple(request.ignoreChanges),
                    custom=request.custom,
                )
            )
        return answer

    # A resource among the inputs is told as its id: reading it back would start work on another thread's event loop.
    def GetDeploymentInfo(self, request: Any) -> Any:  # noqa: N802 the name on the wire
        answer = super().GetDeploymentInfo(request)  # type: ignore[no-untyped-call]
        features = set(answer.supportedFeatures) - {resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES}
        return resource_pb2.DeploymentInfo(supportedFeatures=features)


def _with_nulls(read: Any, wire: Any) -> Any:
    """Put back the nulls that reading drops: in a chart's values they take a default away."""
    if not isinstance(read, dict) or not isinstance(wire, struct_pb2.Struct):
        return read
    sent = dict(wire.items())
    nulls = {key: None for key, value in sent.items() if value is None}
    return nulls | {key: _with_nulls(value, sent.get(key)) for key, value in read.items()}


class _Recorder(Mocks):
    def __init__(self, existing: Mapping[str, Mapping[str, Any]]) -> None:
        self._existing = existing
        self.last: dict[tuple[str, str], tuple[MockResourceArgs, dict[str, Any]]] = {}

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        if pulumi.runtime.is_dry_run():
            self.last[args.typ, args.name] = (args, args.inputs)
            return None, args.inputs
        answered = aws_answers(args.typ, args.name, args.inputs)
        outputs = {**answered, **args.inputs} if args.custom else {**args.inputs, **answered}
        self.last[args.typ, args.name] = (args, outputs)
        return f"{args.name}-id", outputs

    def call(self, args: MockCallArgs) -> Any:
        return self._existing[args.token] if args.token in self._existing else aws_finds(args.token, args.args)


def aws_finds(token: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What AWS would answer when our programs look something up.

    What the account's stack keeps is there, and nothing of the stack itself.
    """
    scope = f"{REGION}:{ACCOUNT}"
    name = str(arguments.get("name", arguments.get("keyId", "")))
    answers: dict[str, dict[str, Any]] = {
        "aws:cloudwatch/getLogGroup:getLogGroup": {"arn": f"arn:aws:logs:{scope}:log-group:{name}"},
        "aws:kms/getKey:getKey": {"arn": f"arn:aws:kms:{scope}:key/{name.removeprefix('alias/')}"},
        "aws:rds/getSnapshots:getSnapshots": {"snapshots": []},
        "aws:secretsmanager/getSecret:getSecret": {"arn": f"arn:aws:secretsmanager:{scope}:secret:{name}-EXAMPLE"},
        "aws:s3/getBucket:getBucket": {
            "bucket": str(arguments.get("bucket")),
            "arn": f"arn:aws:s3:::{arguments.get('bucket')}",
        },
        "aws:eks/getAddonVersion:getAddonVersion": {"version": f"v{arguments.get('kubernetesVersion')}.0-eksbuild.1"},
        "aws:eks/getClusters:getClusters": {"names": []},
    }
    if token not in answers:
        raise LookupError(f"no answer is known to {token}: say here what AWS would find")
    return answers[token]


def aws_answers(kind: str, name: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """What AWS would answer beyond the inputs, as far as our programs ask."""
    service = kind.partition(":")[2].partition("/")[0]
    path = inputs.get("path", "/")
    special: dict[str, dict[str, Any]] = {
        "eks:index:Cluster": {"kubeconfigJson": KUBECONFIG, "clusterSecurityGroupId": "sg-cluster"},
        "aws:iam/role:Role": {"arn": f"arn:aws:iam::{ACCOUNT}:role{path}{name}"},
        "aws:lb/loadBalancer:LoadBalancer": {
            "dnsName": f"{name}.example.elb.amazonaws.com",
            "zoneId": "Z32O12XQLNTSW2",
        },
        "aws:rds/instance:Instance": {
            "address": f"{name}.example.rds.amazonaws.com",
            "identifier": name,
            "resourceId": "db-EXAMPLE",
            "masterUserSecrets": [{"secretArn": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:rds!db-EXAMPLE"}],
        },
        "aws:acm/certificate:Certificate": {
            "domainValidationOptions": [
                {
                    "domainName": "sensors.example.com",
                    "resourceRecordName": "_proof.sensors.example.com",
                    "resourceRecordType": "CNAME",
                    "resourceRecordValue": "_proof.acm-validations.aws",
                }
            ]
        },
        "aws:route53/record:Record": {"fqdn": inputs.get("name")},
        "aws:ecr/repository:Repository": {
            "repositoryUrl": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{inputs.get('name')}"
        },
        "aws:ec2/launchTemplate:LaunchTemplate": {"latestVersion": 1},
        "aws:kms/key:Key": {"keyId": f"{name}-id"},
        "aws:s3/bucket:Bucket": {"arn": f"arn:aws:s3:::{inputs.get('bucket')}"},
    }
    arn = f"arn:aws:{service}:{REGION}:{ACCOUNT}:{kind.rpartition(':')[2].lower()}/{name}"
    return {"arn": arn, "name": name} | special.get(kind, {})
