"""Who may start jobs of an environment on machines of SageMaker. The roles of an environment cannot pass roles on."""

from dataclasses import dataclass

import pulumi

from components.account.build_project import build_role
from components.component import Component
from components.identity.iam import RoleSettings, Statement

MACHINES = "processing-machines"
"""How the names of the roles begin that such machines work as."""
LOG_GROUP = "/aws/sagemaker/ProcessingJobs"
"""Where SageMaker writes what such jobs log: one group for the whole account and region."""


def starter_name(environment: str) -> str:
    """Return what the role is called that starts jobs of an environment."""
    return f"starter-{environment}"


def starter_arn(project: str, account: str, environment: str) -> str:
    """Return the ARN of that role."""
    return f"arn:aws:iam::{account}:role/{project}/{starter_name(environment)}"


def job_prefix(environment: str) -> str:
    """Return how the names of an environment's jobs begin."""
    return f"{environment}-"


@dataclass(frozen=True, slots=True)
class ProcessingStarterArgs:
    """Whose jobs are started. `roles`: where the environment's roles lie. `key_arn`: what disks are encrypted with."""

    project: str
    environment: str
    account: str
    region: str
    roles: RoleSettings
    key_arn: pulumi.Input[str]


class ProcessingStarter(Component):
    """EventBridge Scheduler as the environment's schedules call SageMaker: it starts jobs and can do nothing else.

    Makes:

    - a role with its boundary
    """

    def __init__(self, name: str, args: ProcessingStarterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        jobs = f"arn:aws:sagemaker:{args.region}:{args.account}:processing-job/{job_prefix(args.environment)}*"
        build_role(
            starter_name(args.environment),
            args.project,
            "scheduler.amazonaws.com",
            args.account,
            f"Starts jobs of {args.environment} on SageMaker",
            self,
            Statement(
                ("sagemaker:CreateProcessingJob",),
                [jobs],
                # Never without its network, nor where others could listen.
                {
                    "Null": {"sagemaker:VpcSubnets": "false", "sagemaker:VpcSecurityGroupIds": "false"},
                    "Bool": {"sagemaker:InterContainerTrafficEncryption": "true"},
                },
            ),
            Statement(
                ("iam:PassRole",),
                [f"arn:aws:iam::{args.account}:role{args.roles.path}{MACHINES}-*"],
                {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
            ),
            disk_grant(args.key_arn),
        )
        self.register_outputs({})


def disk_grant(key_arn: pulumi.Input[str]) -> Statement:
    """Return the permission with which SageMaker encrypts the disks of a job's machines."""
    return Statement(("kms:CreateGrant",), [key_arn], {"Bool": {"kms:GrantIsForAWSResource": "true"}})
