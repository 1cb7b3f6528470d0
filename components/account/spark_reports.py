"""Reports that Spark makes of an archive once a month: nothing runs, and nothing costs, in between."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_aws as aws

from components.account.build_project import LOG_DAYS, build_role
from components.account.config import ReportsConfig
from components.component import Component
from components.identity.encryption_key import EncryptionKey, service
from components.identity.iam import Statement

RELEASE = "emr-spark-8.0.0"
"""Spark 4.0.2, Python 3.11, Java 17; AWS supports it until 2027-05-20 (docs.aws.amazon.com, EMR release guide)."""
IDLE_MINUTES = 5
"""After which machines go that wait for more to do."""
WORKER = {"cores": "4", "memory": "14g"}
"""Of EMR's sizes for four processors: 14 GiB for Spark, 2 beside."""


@dataclass(frozen=True, slots=True)
class SparkReportsArgs:
    """What is run, over which archive.

    `bucket`, `key_arn`: the archive's. `sources`: Python files by their path in the code. `module`: what is run, the
    path of one of them, with `--archive s3://BUCKET`.
    """

    config: ReportsConfig
    project: str
    environment: str
    account: str
    region: str
    bucket: str
    key_arn: pulumi.Input[str]
    sources: Mapping[str, Path]
    module: str

    def __post_init__(self) -> None:
        if self.module not in self.sources:
            raise ValueError(f"{self.module} is not among the sources")

    @property
    def version(self) -> str:
        """What the sources are: another one for other code."""
        digest = hashlib.sha256()
        for path, file in sorted(self.sources.items()):
            digest.update(f"{path}\n".encode() + file.read_bytes())
        return digest.hexdigest()[:16]


class SparkReports(Component):
    """Spark over an archive, once a month. It reads the archive's files and writes reports beside them, nothing else.

    Makes:

    - an EMR Serverless application with the most that it may take, and its log group
    - the code, in the archive's bucket
    - the role that its machines work as, with its boundary
    - a schedule that starts it, and the role that may, with its boundary
    """

    def __init__(self, name: str, args: SparkReportsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        child = pulumi.ResourceOptions(parent=self)
        bucket, files = f"arn:aws:s3:::{args.bucket}", f"s3://{args.bucket}"
        code = f"code/{args.version}"
        logs = aws.cloudwatch.LogGroup(
            name,
            name=f"/aws/emr-serverless/{name}",
            retention_in_days=LOG_DAYS,
            kms_key_id=args.key_arn,
            opts=child,
        )
        application = aws.emrserverless.Application(
            name,
            name=name,
            release_label=RELEASE,
            type="spark",
            architecture="ARM64",
            auto_start_configuration=aws.emrserverless.ApplicationAutoStartConfigurationArgs(enabled=True),
            auto_stop_configuration=aws.emrserverless.ApplicationAutoStopConfigurationArgs(
                enabled=True, idle_timeout_minutes=IDLE_MINUTES
            ),
            maximum_capacity=aws.emrserverless.ApplicationMaximumCapacityArgs(
                cpu=f"{args.config.maximum_vcpu} vCPU",
                memory=f"{args.config.maximum_vcpu * 4} GB",
                disk=f"{args.config.maximum_vcpu * 5} GB",
            ),
            # A run that was started twice waits for the first one, and finds nothing due.
            scheduler_configuration=aws.emrserverless.ApplicationSchedulerConfigurationArgs(max_concurrent_runs=1),
            opts=child,
        )
        through = service("s3", args.region)
        key = EncryptionKey(args.key_arn)
        worker, may_work = build_role(
            f"{name}-worker",
            args.project,
            "emr-serverless.amazonaws.com",
            args.account,
            f"Spark over the archive of {args.environment}",
            self,
            Statement(("s3:ListBucket",), [bucket]),
            Statement(("s3:GetObject",), [f"{bucket}/{folder}/*" for folder in ("code", "manifests", "readings")]),
            Statement(("s3:DeleteObject", "s3:GetObject", "s3:PutObject"), [f"{bucket}/reports/*"]),
            key.to_encrypt(through),
            key.to_decrypt(through),
            Statement(("logs:DescribeLogGroups",), [logs.arn]),
            Statement(
                ("logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"),
                [pulumi.Output.concat(logs.arn, ":*")],
            ),
        )
        uploaded = _upload(name, args, code, child)
        starter, may_start = build_role(
            f"{name}-starter",
            args.project,
            "scheduler.amazonaws.com",
            args.account,
            f"Starts the reports of {args.environment}",
            self,
            Statement(("emr-serverless:StartJobRun",), [application.arn]),
            Statement(
                ("iam:PassRole",),
                [worker.arn],
                {"StringEquals": {"iam:PassedToService": "emr-serverless.amazonaws.com"}},
            ),
        )
        aws.scheduler.Schedule(
            name,
            name=name,
            description=f"Starts the reports of {args.environment}",
            # Days of a month may still become final in the nights after it.
            schedule_expression="cron(0 5 3 * ? *)",
            schedule_expression_timezone="UTC",
            flexible_time_window=aws.scheduler.ScheduleFlexibleTimeWindowArgs(mode="OFF"),
            target=aws.scheduler.ScheduleTargetArgs(
                arn="arn:aws:scheduler:::aws-sdk:emrserverless:startJobRun",
                role_arn=starter.arn,
                input=pulumi.Output.json_dumps(
                    {
                        # Each try has another one: the time that it is due, the same for all of them, has colons in it.
                        "ClientToken": "<aws.scheduler.execution-id>",
                        "Name": name,
                        "ApplicationId": application.id,
                        "ExecutionRoleArn": worker.arn,
                        "ExecutionTimeoutMinutes": args.config.timeout_minutes,
                        "RetryPolicy": {"MaxAttempts": 2},
                        "JobDriver": {
                            "SparkSubmit": {
                                "EntryPoint": f"{files}/{code}/main.py",
                                "EntryPointArguments": ["--archive", files],
                                "SparkSubmitParameters": _parameters(f"{files}/{code}/sources.zip"),
                            }
                        },
                        "ConfigurationOverrides": {
                            "MonitoringConfiguration": {
                                "CloudWatchLoggingConfiguration": {"Enabled": True, "LogGroupName": logs.name}
                            }
                        },
                    }
                ),
                retry_policy=aws.scheduler.ScheduleTargetRetryPolicyArgs(maximum_retry_attempts=3),
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[may_work, may_start, *uploaded]),
        )
        self.register_outputs({"application": application.id})


def _upload(name: str, args: SparkReportsArgs, code: str, opts: pulumi.ResourceOptions) -> list[pulumi.Resource]:
    parts: dict[str, pulumi.Asset | pulumi.Archive] = {
        "sources.zip": pulumi.AssetArchive({path: pulumi.FileAsset(str(file)) for path, file in args.sources.items()}),
        "main.py": pulumi.FileAsset(str(args.sources[args.module])),
    }
    return [
        aws.s3.BucketObjectv2(f"{name}-{part}", bucket=args.bucket, key=f"{code}/{part}", source=source, opts=opts)
        for part, source in parts.items()
    ]


def _parameters(sources: str) -> str:
    sizes = {f"spark.{of}.{what}": size for of in ("driver", "executor") for what, size in WORKER.items()}
    settings = {"spark.submit.pyFiles": sources, **sizes}
    return " ".join(f"--conf {name}={value}" for name, value in settings.items())
