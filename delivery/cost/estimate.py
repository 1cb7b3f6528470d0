"""From the resources of a stack to what they cost: each priced resource is a line, the rest costs nothing at rest.

Nothing is assumed: a resource that does not say what its price depends on is an error, and so is one of a type that is
neither priced nor known to cost nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from apps.storage.metrics import PERIOD, RDS_METRICS
from components.cluster.versions import SUPPORT, days_of_standard_support
from components.data.config import ArchiveConfig
from components.workload.config import MachinesConfig
from components.workload.processing import DISK_GIB
from delivery.cost.prices import HOURS_A_MONTH, price
from delivery.errors import UnknownAttributeError, UnknownPriceError

ARCHIVED_BYTES = 15
"""Of a reading in the archive, measured with values that are noise (docs/archive.md)."""

REPORTS_GB = 4
"""Memory that Spark has for each processor."""

HOURS_A_WEEK = Decimal(168)


@dataclass(frozen=True, slots=True)
class Part:
    """A resource of a stack with the component that made it.

    `references`: the URNs that each property refers to.
    """

    component: str
    type: str
    name: str
    props: Mapping[str, Any]
    urn: str = ""
    references: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def required(self, *path: str) -> Any:
        """Return a value inside the properties. Raises UnknownAttributeError."""
        value: Any = self.props
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        if value is None:
            raise UnknownAttributeError(f"{self.type} {self.name} has no {'.'.join(path)}: its price depends on it")
        return value


@dataclass(frozen=True, slots=True)
class Stack:
    """All parts, the day on which they are priced, and how many nodes there are beside those that are declared."""

    parts: Sequence[Part]
    today: date
    further_nodes: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """What one resource costs for one reason."""

    component: str
    resource: str
    item: str
    count: Decimal
    hourly_usd: Decimal
    source: str


def estimate(parts: Iterable[Part], region: str, today: date, further_nodes: int = 0) -> list[Line]:
    """Return the cost lines of a stack on a day. Raises UnknownPriceError, UnknownAttributeError.

    `further_nodes`: those that the pods take beside the fewest that are declared.
    """
    stack = Stack(tuple(parts), today, further_nodes)
    lines = []
    for part in stack.parts:
        for item, count in _items(part, stack):
            found = price(item, region)
            lines.append(Line(part.component, part.name, item, count, found.hourly * count, found.source))
    return lines


def snapshots(gib: int, number: int, region: str) -> Line:
    """Return what the last snapshots of a database cost, at the most: as if its storage were full."""
    item, count = "database snapshot, GB", Decimal(number * gib)
    found = price(item, region)
    return Line("database", "last snapshots", item, count, found.hourly * count, found.source)


def archive(config: ArchiveConfig, region: str) -> list[Line]:
    """Return what the files of an archive cost that has been on for as long, with as many readings, as is assumed.

    And what is read of them in SQL, likewise.
    """
    days = config.assumed_years * 365
    gb_a_day = config.assumed_readings_per_second * 86_400 * ARCHIVED_BYTES / 1e9
    warm = min(days, config.colder_after_days)
    lines = []
    for item, stored_days in (("S3 Standard, GB", warm), ("S3 Glacier Instant Retrieval, GB", days - warm)):
        found, count = price(item, region), Decimal(str(round(stored_days * gb_a_day, 3)))
        lines.append(Line("archive", "files, as assumed", item, count, found.hourly * count, found.source))
    if config.athena:
        item, count = "Athena, TB read", Decimal(str(config.athena.assumed_scanned_gib_a_week)) / 1024 / HOURS_A_WEEK
        found = price(item, region)
        lines.append(Line("archive", "questions, as assumed", item, count, found.hourly * count, found.source))
    if config.reports:
        processors = Decimal(str(config.reports.assumed_vcpu_hours)) / HOURS_A_MONTH
        for item, size in (("EMR Serverless vCPU", 1), ("EMR Serverless memory, GB", REPORTS_GB)):
            found, count = price(item, region), (processors * size).quantize(Decimal("1e-6"))
            lines.append(Line("archive", "reports, as assumed", item, count, found.hourly * count, found.source))
    return lines


def machines(name: str, config: MachinesConfig, region: str) -> list[Line]:
    """Return what machines of SageMaker cost that run for as long as is assumed, with their disks."""
    count = (Decimal(str(config.assumed_hours)) / HOURS_A_MONTH).quantize(Decimal("1e-6"))
    return [
        Line(name, "machines, as assumed", item, count * units, found.hourly * count * units, found.source)
        for item, units in ((f"SageMaker {config.instance_type}", 1), ("SageMaker disk, GB", DISK_GIB))
        for found in (price(item, region),)
    ]


def hourly_usd(lines: Iterable[Line]) -> Decimal:
    """Return US dollars for an hour in which everything runs."""
    return sum((line.hourly_usd for line in lines), Decimal())


def by_component(lines: Sequence[Line]) -> dict[str, Decimal]:
    """Return US dollars an hour for each component, dearest first."""
    components = dict.fromkeys(line.component for line in lines)
    costs = {name: hourly_usd(line for line in lines if line.component == name) for name in components}
    return dict(sorted(costs.items(), key=lambda item: -item[1]))


def affordable_hours(weekly_usd: Decimal, lines: Iterable[Line]) -> Decimal:
    """Return how many hours a week a weekly sum buys, at most 168."""
    hourly = hourly_usd(lines)
    return min(HOURS_A_WEEK, weekly_usd / hourly) if hourly else HOURS_A_WEEK


Counted = Iterator[tuple[str, float]]


def _items(part: Part, stack: Stack) -> Iterator[tuple[str, Decimal]]:
    if pricing := PRICED.get(part.type):
        for item, count in pricing(part, stack):
            yield item, Decimal(str(count))
    elif part.type not in FREE and not part.type.startswith(IN_CLUSTER):
        raise UnknownPriceError(
            f"{part.type} {part.name} has no price: add its type to PRICED or, with the reason, to FREE in "
            "delivery/cost/estimate.py"
        )


def _cluster(cluster: Part, stack: Stack) -> Counted:
    version = str(cluster.required("version"))
    if version not in SUPPORT or stack.today > SUPPORT[version].extended_ends:
        raise UnknownPriceError(f"AWS does not support Kubernetes {version} on {stack.today}: raise cluster.version")
    extended = days_of_standard_support(version, stack.today) < 0
    yield "EKS control plane in extended support" if extended else "EKS control plane", 1


def _release(release: Part, _: Stack) -> Counted:
    """Price the volumes that a chart is told to ask for."""
    if gib := sum(_volumes_gib(release, release.props.get("values") or {})):
        yield "gp3 volume, GB", gib


def _volumes_gib(release: Part, values: Mapping[str, Any]) -> Iterator[int]:
    """Yield the GiB of each volume inside the values of a chart: one for each replica of what it belongs to."""
    owner = Part(release.component, release.type, release.name, values)
    for key, inner in values.items():
        if not isinstance(inner, Mapping):
            continue
        if "volumeClaimTemplate" in inner or (key == "persistence" and inner.get("enabled", True)):
            yield _gib(Part(release.component, release.type, release.name, inner)) * owner.required("replicas")
        else:
            yield from _volumes_gib(release, inner)


def _gib(claim: Part) -> int:
    in_template = ("volumeClaimTemplate", "spec", "resources", "requests", "storage")
    text = str(claim.required(*(in_template if "volumeClaimTemplate" in claim.props else ("size",))))
    if not text.endswith("Gi"):
        raise UnknownAttributeError(f"{claim.type} {claim.name} asks for a volume of {text}: write it in Gi")
    return int(text.removesuffix("Gi"))


def _node_group(group: Part, stack: Stack) -> Counted:
    first = next(part for part in stack.parts if part.type == group.type)
    nodes = group.required("scalingConfig", "minSize") + (stack.further_nodes if group is first else 0)
    yield str(group.required("instanceTypes")[0]), nodes
    template = _referred(group, "launchTemplate", stack)
    for device in template.required("blockDeviceMappings"):
        volume = Part(template.component, template.type, template.name, device)
        yield f"{volume.required('ebs', 'volumeType')} volume, GB", nodes * volume.required("ebs", "volumeSize")


def _database(instance: Part, _: Stack) -> Counted:
    replicas = 2 if instance.props.get("multiAz") else 1
    yield str(instance.required("instanceClass")), replicas
    yield "database storage, GB", replicas * instance.required("allocatedStorage")
    if instance.props.get("manageMasterUserPassword"):
        yield "secret", 1


def _stream(stream: Part, _: Stack) -> Counted:
    if stream.required("streamModeDetails", "streamMode") == "ON_DEMAND":
        yield "Kinesis on-demand stream", 1
    else:
        yield "Kinesis shard", stream.required("shardCount")


def _endpoint(endpoint: Part, _: Stack) -> Counted:
    if endpoint.required("vpcEndpointType") == "Interface":
        yield "interface endpoint", len(endpoint.required("subnetIds"))


def _load_balancer(balancer: Part, _: Stack) -> Counted:
    yield "load balancer", 1
    yield "public IPv4", len(balancer.required("subnets"))


def _web_acl(acl: Part, _: Stack) -> Counted:
    yield "web ACL", 1
    yield "web ACL rule", len(acl.required("rules"))


def _scheduled(job: Part, _: Stack) -> Counted:
    """Price what a job asks CloudWatch."""
    (container,) = job.required("spec", "jobTemplate", "spec", "template", "spec", "containers")
    if any(variable["name"] == "DATABASE_INSTANCE" for variable in container.get("env", ())):
        yield "CloudWatch metric requests, 1,000", timedelta(hours=1) / PERIOD * len(RDS_METRICS) / 1000


def _one(item: str) -> Callable[[Part, Stack], Counted]:
    return lambda _, __: iter([(item, 1)])


def _referred(part: Part, name: str, stack: Stack) -> Part:
    """Return the resource that a property refers to. Raises UnknownAttributeError."""
    part.required(name)
    for other in stack.parts:
        if other.urn in part.references.get(name, frozenset()):
            return other
    raise UnknownAttributeError(
        f"{part.type} {part.name} has a {name} that is not in the stack: its price depends on it"
    )


PRICED: Mapping[str, Callable[[Part, Stack], Counted]] = {
    "eks:index:Cluster": _cluster,
    "aws:eks/nodeGroup:NodeGroup": _node_group,
    "aws:ec2/natGateway:NatGateway": _one("NAT gateway"),
    "aws:ec2/eip:Eip": _one("public IPv4"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": _endpoint,
    "aws:rds/instance:Instance": _database,
    "aws:kinesis/stream:Stream": _stream,
    "aws:kms/key:Key": _one("KMS key"),
    "aws:secretsmanager/secret:Secret": _one("secret"),
    "aws:lb/loadBalancer:LoadBalancer": _load_balancer,
    "aws:wafv2/webAcl:WebAcl": _web_acl,
    "kubernetes:helm.sh/v3:Release": _release,
    "kubernetes:batch/v1:CronJob": _scheduled,
}
"""Resource type -> the items that it is billed by."""

IN_CLUSTER = ("kubernetes:", "components:", "pulumi:")
"""What runs on nodes that are priced, or is only a name. Our own workloads have no volumes; charts do."""

_BY_USE = "billed by use"
_NOTHING = "AWS does not bill it"
FREE: Mapping[str, str] = {
    "aws:acm/certificate:Certificate": _NOTHING,
    "aws:acm/certificateValidation:CertificateValidation": _NOTHING,
    "aws:athena/workgroup:Workgroup": "by what is read, as assumed in the archive's section",
    "aws:budgets/budget:Budget": _NOTHING,
    "aws:cloudformation/stack:Stack": _NOTHING,
    "aws:cloudwatch/logGroup:LogGroup": _BY_USE,
    "aws:route53/record:Record": _BY_USE,
    "aws:ec2/flowLog:FlowLog": _BY_USE,
    "aws:kms/alias:Alias": _NOTHING,
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": _NOTHING,
    "aws:ecr/repository:Repository": _BY_USE,
    "aws:glue/catalogDatabase:CatalogDatabase": "the first million objects of a catalogue are free",
    "aws:glue/catalogTable:CatalogTable": "the first million objects of a catalogue are free",
    "aws:emrserverless/application:Application": _BY_USE,
    "aws:scheduler/schedule:Schedule": _NOTHING,
    "aws:s3/bucketObjectv2:BucketObjectv2": _BY_USE,
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": _NOTHING,
    "aws:iam/policy:Policy": _NOTHING,
    "aws:s3/bucket:Bucket": _BY_USE,
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": _NOTHING,
    "aws:s3/bucketPolicy:BucketPolicy": _NOTHING,
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _NOTHING,
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": _NOTHING,
    "aws:s3/bucketVersioning:BucketVersioning": _NOTHING,
    "aws:lb/listener:Listener": "in the price of the load balancer",
    "aws:lb/listenerRule:ListenerRule": "in the price of the load balancer",
    "aws:lb/targetGroup:TargetGroup": "in the price of the load balancer",
    "aws:rds/parameterGroup:ParameterGroup": _NOTHING,
    "aws:rds/subnetGroup:SubnetGroup": _NOTHING,
    "aws:ec2/launchTemplate:LaunchTemplate": "in the price of the node groups that refer to it",
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": _NOTHING,
    "aws:ec2/internetGateway:InternetGateway": _NOTHING,
    "aws:ec2/route:Route": _NOTHING,
    "aws:ec2/routeTable:RouteTable": _NOTHING,
    "aws:ec2/routeTableAssociation:RouteTableAssociation": _NOTHING,
    "aws:ec2/securityGroup:SecurityGroup": _NOTHING,
    "aws:ec2/subnet:Subnet": _NOTHING,
    "aws:ec2/vpc:Vpc": _NOTHING,
    "aws:eks/accessEntry:AccessEntry": _NOTHING,
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": _NOTHING,
    "aws:eks/addon:Addon": _NOTHING,
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": _NOTHING,
    "aws:iam/role:Role": _NOTHING,
    "aws:iam/rolePolicy:RolePolicy": _NOTHING,
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": _NOTHING,
    "aws:wafv2/webAclAssociation:WebAclAssociation": "in the price of the web ACL",
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _NOTHING,
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _NOTHING,
}
"""Resource type -> why it costs nothing at rest."""
