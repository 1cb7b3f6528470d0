"""A service that runs to its end on machines of SageMaker, which are there while it runs (SageMaker Processing)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pulumi
import pulumi_aws as aws

from apps.platform.declaration import ScheduledService
from components.account.processing_starter import LOG_GROUP, MACHINES, disk_grant, job_prefix
from components.binding import Binding, bind
from components.component import Component
from components.identity.encryption_key import EncryptionKey
from components.identity.iam import RoleSettings, Statement, allow, role, trust
from components.workload.config import MachinesConfig
from components.workload.pods import WorkloadArgs, environment_variables

DISK_GIB = 30
"""Of each machine: what SageMaker's own tools take."""
MAX_NAME = 63 - 36
"""Of a job, before its number: SageMaker takes 63 letters, and a number has up to 36."""
EXECUTION = "<aws.scheduler.execution-id>"
"""What the scheduler replaces by another number at each attempt: a job's name is never used again."""
BETWEEN_MACHINES = (("udp", 500, 500), ("50", None, None))
"""By which SageMaker encrypts what a job's machines say to each other: IKE and ESP (AWS, "Protect communications")."""


@dataclass(frozen=True, slots=True)
class ProcessingArgs:
    """What runs, on which machines, where. `starter_arn`: the role that starts it (ProcessingStarter)."""

    workload: WorkloadArgs
    machines: MachinesConfig
    project: str
    environment: str
    account: str
    region: str
    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    roles: RoleSettings
    key: EncryptionKey
    starter_arn: str

    @property
    def repository_arn(self) -> str:
        """Where the image is."""
        path = self.workload.image.partition("@")[0].partition("/")[2]
        return f"arn:aws:ecr:{self.region}:{self.account}:repository/{path}"

    def arn(self, resource: str) -> str:
        """Return the ARN of something of EC2."""
        return f"arn:aws:ec2:{self.region}:{self.account}:{resource}"


class ProcessingMachines(Component):
    """What the machines of a job are for AWS.

    Makes:

    - a role that SageMaker assumes for them
    - the policies that `allow` is asked for
    """

    def __init__(self, name: str, args: ProcessingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._name = name
        self.role = role(
            name,
            trust("sagemaker.amazonaws.com", {"StringEquals": {"aws:SourceAccount": args.account}}),
            args.roles,
            self,
            f"Machines of SageMaker that run {args.workload.declaration.name}",
        )
        self.granted: list[pulumi.Resource] = []
        self.register_outputs({"roleArn": self.role.arn})

    def allow(self, purpose: str, *statements: Statement) -> aws.iam.RolePolicy:
        """Give these machines permissions, under a name that says what for."""
        granted = allow(f"{self._name}-{purpose}", self.role, *statements, parent=self)
        self.granted.append(granted)
        return granted


class ProcessingWorkload(Component):
    """What runs to its end on machines of SageMaker, again and again: the image, command and settings of its pods.

    The machines lie in the private subnets and reach what its needs name, no more: neither internet nor cluster.
    Raises ValueError for needs that are met in the cluster alone.

    Makes:

    - a security group, with a rule for each thing that it reaches and for what its members say to each other
    - what they are for AWS
    - a schedule
    """

    def __init__(self, name: str, args: ProcessingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        declaration = args.workload.declaration
        if not isinstance(declaration, ScheduledService):
            raise TypeError(f"{declaration.name} has no schedule")
        self._name, self._args, self._child = name, args, pulumi.ResourceOptions(parent=self)
        bindings = bind(declaration.needs, args.workload.platform.providers)
        _check(declaration.name, bindings)
        group, rules = self._group(bindings)
        machines = ProcessingMachines(f"{MACHINES}-{name}", args, self._child)
        self._let_work(machines, group)
        for binding in bindings:
            if binding.grant:
                binding.grant(machines)
        before = [*rules, *machines.granted, *(resource for binding in bindings for resource in binding.depends_on)]
        aws.scheduler.Schedule(
            name,
            name=f"{args.project}.{args.environment}.{declaration.name}",
            description=f"Runs {declaration.name} of {args.environment} on SageMaker",
            schedule_expression=schedule_expression(declaration.schedule),
            schedule_expression_timezone="UTC",
            flexible_time_window=aws.scheduler.ScheduleFlexibleTimeWindowArgs(mode="OFF"),
            target=aws.scheduler.ScheduleTargetArgs(
                arn="arn:aws:scheduler:::aws-sdk:sagemaker:createProcessingJob",
                role_arn=args.starter_arn,
                input=pulumi.Output.json_dumps(self._job(declaration, bindings, group, machines)),
                retry_policy=aws.scheduler.ScheduleTargetRetryPolicyArgs(
                    maximum_retry_attempts=3, maximum_event_age_in_seconds=3600
                ),
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[*before, *args.workload.prerequisites]),
        )
        self.register_outputs({})

    def _job(
        self,
        declaration: ScheduledService,
        bindings: Sequence[Binding],
        group: aws.ec2.SecurityGroup,
        machines: ProcessingMachines,
    ) -> dict[str, Any]:
        """Return what SageMaker is asked for."""
        args = self._args
        # Traces are taken in the cluster alone.
        platform = replace(args.workload.platform, traces=None, traces_url=None)
        of_machine = {"PROCESSES": str(args.machines.processors)} | dict(args.workload.settings)
        environment = environment_variables(declaration, bindings, platform, of_machine)
        name = (job_prefix(args.environment) + declaration.name)[: MAX_NAME - 1].rstrip("-")
        return {
            "ProcessingJobName": f"{name}-{EXECUTION}",
            "RoleArn": machines.role.arn,
            "AppSpecification": {
                "ImageUri": args.workload.image,
                "ContainerEntrypoint": ["python", "-m", declaration.module, *declaration.arguments],
            },
            "Environment": dict(environment),
            "ProcessingResources": {
                "ClusterConfig": {
                    "InstanceCount": args.machines.instances,
                    "InstanceType": args.machines.instance_type,
                    "VolumeSizeInGB": DISK_GIB,
                    "VolumeKmsKeyId": args.key.arn,
                }
            },
            "NetworkConfig": {
                # It must reach the database: the security group says what else it does not.
                "EnableNetworkIsolation": False,
                "EnableInterContainerTrafficEncryption": True,
                "VpcConfig": {"SecurityGroupIds": [group.id], "Subnets": list(args.subnet_ids)},
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": declaration.deadline_seconds},
        }

    def _group(self, bindings: Sequence[Binding]) -> tuple[aws.ec2.SecurityGroup, list[pulumi.Resource]]:
        """Declare the group, and what must be there before its members reach what they need."""
        name = self._name
        group = aws.ec2.SecurityGroup(
            name, vpc_id=self._args.vpc_id, description=f"Machines of SageMaker that run {name}", opts=self._child
        )
        targets = dict.fromkeys(
            (target.port, cidr) for binding in bindings for target in binding.egress for cidr in target.cidrs
        )
        rules: list[pulumi.Resource] = [
            aws.vpc.SecurityGroupEgressRule(
                f"{name}-to-{port}-{cidr.replace('/', '-')}",
                security_group_id=group.id,
                description=f"Port {port} of {cidr}",
                cidr_ipv4=cidr,
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
                opts=self._child,
            )
            for port, cidr in targets
        ]
        for protocol, first, last in BETWEEN_MACHINES:
            for rule, side in ((aws.vpc.SecurityGroupIngressRule, "from"), (aws.vpc.SecurityGroupEgressRule, "to")):
                rules.append(
                    rule(
                        f"{name}-{side}-machines-{protocol}",
                        security_group_id=group.id,
                        referenced_security_group_id=group.id,
                        description="What machines of one job say to each other, encrypted",
                        ip_protocol=protocol,
                        from_port=first,
                        to_port=last,
                        opts=self._child,
                    )
                )
        rules += [binding.admit(name, group.id) for binding in bindings if binding.admit]
        return group, rules

    def _let_work(self, machines: ProcessingMachines, group: aws.ec2.SecurityGroup) -> None:
        """Let SageMaker do as the machines' role what it needs for any job (AWS, "CreateProcessingJob API")."""
        args = self._args
        in_this_network = {"StringEquals": {"ec2:Vpc": pulumi.Output.concat(args.arn("vpc/"), args.vpc_id)}}
        subnets = [pulumi.Output.concat(args.arn("subnet/"), subnet) for subnet in args.subnet_ids]
        interfaces: list[pulumi.Input[str]] = [args.arn("network-interface/*")]
        logs = f"arn:aws:logs:{args.region}:{args.account}:log-group:{LOG_GROUP}"
        machines.allow(
            "work",
            Statement(("ecr:GetAuthorizationToken",), ["*"]),
            Statement(
                ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"),
                [args.repository_arn],
            ),
            Statement(("logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"), [f"{logs}:*"]),
            disk_grant(args.key.arn),
            Statement(("ec2:CreateNetworkInterface",), [*interfaces, *subnets, group.arn], in_this_network),
            Statement(
                ("ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterface"), interfaces, in_this_network
            ),
            Statement(
                (
                    "ec2:DeleteNetworkInterfacePermission",
                    "ec2:DescribeDhcpOptions",
                    "ec2:DescribeNetworkInterfaces",
                    "ec2:DescribeSecurityGroups",
                    "ec2:DescribeSubnets",
                    "ec2:DescribeVpcs",
                ),
                ["*"],
            ),
        )


def schedule_expression(schedule: str) -> str:
    """Return cron's five fields as EventBridge writes them. Raises ValueError for days of the week.

    EventBridge has a field more, the year, wants one of the fields of days left open, and counts `0/6` hours where cron
    counts `*/6`.
    """
    minute, hour, day, month, weekday = (
        f"0{field[1:]}" if field.startswith("*/") else field for field in schedule.split()
    )
    if weekday != "*":
        raise ValueError(f"{schedule}: EventBridge counts days of the week differently; name days of the month")
    return f"cron({minute} {hour} {day} {month} ? *)"


def _check(name: str, bindings: Sequence[Binding]) -> None:
    for binding in bindings:
        if binding.files or any(target.namespace for target in binding.egress):
            variables = ", ".join(sorted({*binding.environment, *(file.variable for file in binding.files)}))
            raise ValueError(f"{name}: cannot run on SageMaker: what {variables} name is in the cluster alone")
        if any(target.except_ for target in binding.egress):
            raise ValueError(f"{name}: cannot run on SageMaker: it would need the internet")
