"""What runs on machines of AWS beside the cluster, read back from an emulator of AWS after a deployment.

The emulator starts none of it: it has neither SageMaker's nor EMR's machines.
"""

from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from components.account.processing_starter import LOG_GROUP, MACHINES, starter_arn
from stacks.config import PROJECT
from stacks.retained import archive_bucket, retained_names
from tests.engine.permissions import (
    Permissions,
    allowing,
    by_action,
    call_of,
    conditions_of,
    limits_of,
    managed_statements,
    permissions_of,
    trusted_by,
)
from tests.support.aws_emulator import REGION, Emulator

TO_LOG = ("logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents")
TO_SAGEMAKER = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
TO_EMR = {"StringEquals": {"iam:PassedToService": "emr-serverless.amazonaws.com"}}


def assert_forecasts_run_on_machines_that_reach_the_database_alone(aws: Emulator, environment: str) -> None:
    """See what the schedule asks SageMaker for, and what its machines may do, may reach and are reached by."""
    call = call_of(aws, f"{PROJECT}.{environment}.forecast")
    assert (call.expression, call.role_arn) == ("cron(10 0/6 * * ? *)", starter_arn(PROJECT, aws.account, environment))
    assert call.action == "arn:aws:scheduler:::aws-sdk:sagemaker:createProcessingJob"
    assert_sagemaker_takes(call.request)
    machines, network = call.request["RoleArn"], call.request["NetworkConfig"]["VpcConfig"]
    assert machines.startswith(f"arn:aws:iam::{aws.account}:role/{PROJECT}/{environment}/{MACHINES}-forecast")
    assert trusted_by(aws, machines) == {
        "Service": "sagemaker.amazonaws.com",
        "StringEquals": {"aws:SourceAccount": aws.account},
    }
    (database,) = aws.client("rds").describe_db_instances()["DBInstances"]
    (group,), key = network["SecurityGroupIds"], key_of(aws, environment)
    assert call.request["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"] == key
    assert_they_reach_each_other_and(aws, group, database, network["Subnets"])
    of_ec2 = f"arn:aws:ec2:{REGION}:{aws.account}"
    interfaces, subnets = f"{of_ec2}:network-interface/*", {f"{of_ec2}:subnet/{name}" for name in network["Subnets"]}
    user = f"arn:aws:rds-db:{REGION}:{aws.account}:dbuser:{database['DbiResourceId']}/forecast"
    assert permissions_of(aws, machines) == (
        allowing("rds-db:connect", on={user})
        | allowing("kms:CreateGrant", on={key})
        | allowing(
            "ecr:BatchCheckLayerAvailability",
            "ecr:BatchGetImage",
            "ecr:GetDownloadUrlForLayer",
            on={f"arn:aws:ecr:{REGION}:{aws.account}:repository/{PROJECT}/forecast"},
        )
        | allowing(*TO_LOG, on={f"arn:aws:logs:{REGION}:{aws.account}:log-group:{LOG_GROUP}:*"})
        | allowing("ec2:CreateNetworkInterface", on={interfaces, f"{of_ec2}:security-group/{group}", *subnets})
        | allowing("ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterface", on={interfaces})
        | allowing(
            "ecr:GetAuthorizationToken",
            "ec2:DeleteNetworkInterfacePermission",
            "ec2:DescribeDhcpOptions",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "ec2:DescribeVpcs",
            on={"*"},
        )
    )


def assert_sagemaker_takes(request: Any) -> None:
    """See that a request is one of SageMaker's, by AWS's own description of the call."""
    model = ServiceModel(Loader().load_service_model("sagemaker", "service-2"), "sagemaker")
    shape = model.operation_model("CreateProcessingJob").input_shape
    assert shape is not None
    name = request["ProcessingJobName"].replace("<aws.scheduler.execution-id>", "0" * 36)
    report = ParamValidator().validate({**request, "ProcessingJobName": name}, shape)
    assert not report.has_errors(), report.generate_report()


def assert_they_reach_each_other_and(aws: Emulator, group: str, database: Any, subnets: list[str]) -> None:
    """See that members of a group reach the database's port in private subnets and each other, and nothing else."""
    ec2 = aws.client("ec2")
    of_subnets = ec2.describe_subnets(SubnetIds=subnets)["Subnets"]
    assert {subnet["MapPublicIpOnLaunch"] for subnet in of_subnets} == {False}
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
    reach = {
        (rule["IsEgress"], rule["IpProtocol"], rule["FromPort"], rule["ToPort"], rule.get("CidrIpv4", "members"))
        for rule in rules
        # The provider revokes a new group's own rule with ports that AWS ignores; the emulator compares them.
        if "Description" in rule
    }
    port = database["Endpoint"]["Port"]
    among = {(out, *rest, "members") for out in (True, False) for rest in (("udp", 500, 500), ("50", -1, -1))}
    assert reach == among | {(True, "tcp", port, port, subnet["CidrBlock"]) for subnet in of_subnets}
    assert {rule["ReferencedGroupInfo"]["GroupId"] for rule in rules if "CidrIpv4" not in rule} == {group}
    (of_database,) = database["VpcSecurityGroups"]
    admitted = ec2.describe_security_group_rules(
        Filters=[{"Name": "group-id", "Values": [of_database["VpcSecurityGroupId"]]}]
    )["SecurityGroupRules"]
    assert group in {rule.get("ReferencedGroupInfo", {}).get("GroupId") for rule in admitted if not rule["IsEgress"]}


def assert_whoever_starts_forecasts_passes_on_their_machines_alone(aws: Emulator, environment: str) -> None:
    """See what the scheduler may do for an environment, and can never do beyond."""
    starter, key = starter_arn(PROJECT, aws.account, environment), key_of(aws, environment)
    assert trusted_by(aws, starter) == {
        "Service": "scheduler.amazonaws.com",
        "StringEquals": {"aws:SourceAccount": aws.account},
    }
    assert_it_may_do_and_never_more(
        aws,
        starter,
        {
            "sagemaker:CreateProcessingJob": {
                f"arn:aws:sagemaker:{REGION}:{aws.account}:processing-job/{environment}-*"
            },
            "iam:PassRole": {f"arn:aws:iam::{aws.account}:role/{PROJECT}/{environment}/{MACHINES}-*"},
            "kms:CreateGrant": {key},
        },
    )
    assert conditions_of(aws, starter, "iam:PassRole") == [TO_SAGEMAKER]
    (group,) = aws.client("logs").describe_log_groups(logGroupNamePrefix=LOG_GROUP)["logGroups"]
    assert group["kmsKeyId"] == key


def assert_reports_read_their_archive_alone(aws: Emulator, environment: str) -> None:
    """See what the schedule starts on EMR, from which files, as which role, and what that role may do."""
    name, bucket = f"{PROJECT}-reports-{environment}", archive_bucket(environment, aws.account)
    call, key, of_bucket = call_of(aws, name), key_of(aws, environment), f"arn:aws:s3:::{bucket}"
    assert call.action == "arn:aws:scheduler:::aws-sdk:emrserverless:startJobRun"
    emr = aws.client("emr-serverless")
    application = emr.get_application(applicationId=call.request["ApplicationId"])["application"]
    assert application["maximumCapacity"] == {"cpu": "16 vCPU", "memory": "64 GB", "disk": "80 GB"}
    assert application["autoStopConfiguration"] == {"enabled": True, "idleTimeoutMinutes": 5}
    assert "initialCapacity" not in application, "nothing is kept warm"
    worker = call.request["ExecutionRoleArn"]
    assert trusted_by(aws, worker)["Service"] == "emr-serverless.amazonaws.com"
    of_logs = f"arn:aws:logs:{REGION}:{aws.account}:log-group:/aws/emr-serverless/{name}"
    assert_it_may_do_and_never_more(
        aws,
        worker,
        allowing("s3:ListBucket", on={of_bucket})
        | allowing("s3:GetObject", on={f"{of_bucket}/{of}/*" for of in ("code", "manifests", "readings", "reports")})
        | allowing("s3:DeleteObject", "s3:PutObject", on={f"{of_bucket}/reports/*"})
        | allowing("kms:Decrypt", "kms:GenerateDataKey", on={key})
        | allowing("logs:DescribeLogGroups", on={of_logs})
        | allowing(*TO_LOG, on={f"{of_logs}:*"}),
    )
    assert_it_may_do_and_never_more(
        aws,
        call.role_arn,
        allowing("emr-serverless:StartJobRun", on={application["arn"]}) | allowing("iam:PassRole", on={worker}),
    )
    assert conditions_of(aws, call.role_arn, "iam:PassRole") == [TO_EMR]
    submit = call.request["JobDriver"]["SparkSubmit"]
    packed = submit["SparkSubmitParameters"].partition("spark.submit.pyFiles=")[2].split()[0]
    for file in (submit["EntryPoint"], packed):
        where, path = file.removeprefix("s3://").split("/", 1)
        assert (where, aws.client("s3").head_object(Bucket=where, Key=path)["ContentLength"] > 0) == (bucket, True)


def assert_whoever_asks_the_archive_reads_no_more_than_a_question_may(aws: Emulator, environment: str) -> None:
    """See Athena's workgroup, its tables, and what those may do who ask."""
    name, bucket = f"{PROJECT}-{environment}-archive", archive_bucket(environment, aws.account)
    configuration = aws.client("athena").get_work_group(WorkGroup=name)["WorkGroup"]["Configuration"]
    result = configuration["ResultConfiguration"]
    assert result["OutputLocation"] == f"s3://{bucket}/queries/"
    assert result["EncryptionConfiguration"] == {"EncryptionOption": "SSE_KMS", "KmsKey": key_of(aws, environment)}
    assert configuration["EnforceWorkGroupConfiguration"]
    assert configuration["BytesScannedCutoffPerQuery"] > 0
    database = name.replace("-", "_")
    tables = aws.client("glue").get_tables(DatabaseName=database)["TableList"]
    assert {table["Name"] for table in tables} == {"manifests", "readings", "readings_by_kind"}
    assert {table["StorageDescriptor"]["Location"].split("/")[2] for table in tables} == {bucket}
    allowed = by_action(managed_statements(aws, f"arn:aws:iam::{aws.account}:policy/{name}-query"))
    of_bucket = f"arn:aws:s3:::{bucket}"
    assert {action: where for action, where in allowed.items() if action.startswith("s3:")} == (
        allowing("s3:GetBucketLocation", "s3:ListBucket", on={of_bucket})
        | allowing("s3:GetObject", on={f"{of_bucket}/{folder}/*" for folder in ("manifests", "readings", "queries")})
        | allowing("s3:AbortMultipartUpload", "s3:PutObject", on={f"{of_bucket}/queries/*"})
    )
    assert allowed["athena:StartQueryExecution"] == {f"arn:aws:athena:{REGION}:{aws.account}:workgroup/{name}"}


def assert_it_may_do_and_never_more(aws: Emulator, role_arn: str, permissions: Permissions) -> None:
    """See what a role may do, and that its boundary lets nobody give it more."""
    assert permissions_of(aws, role_arn) == permissions
    assert limits_of(aws, role_arn) == permissions


def key_of(aws: Emulator, environment: str) -> str:
    """Return the ARN of the key of an environment."""
    alias = f"alias/{retained_names(environment).key}"
    arn: str = aws.client("kms").describe_key(KeyId=alias)["KeyMetadata"]["Arn"]
    return arn
