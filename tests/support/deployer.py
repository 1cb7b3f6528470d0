"""The roles that deploy and preview an environment, made in an emulator of AWS as the account's stack declares them."""

import json
from collections.abc import Iterator, Mapping

from delivery.recording import Graph
from tests.stacks.stacks_under_test import account_graph
from tests.support.aws_emulator import Emulator

PATH = "/sensor-analytics/"


def environment(aws: Emulator, account: str, environment: str) -> dict[str, str]:
    """Make the role, its boundary and who assumes it; return the environment of a process that works as the role.

    What the account's stack keeps for the environment must be there already (`tests.support.retained`).
    """
    graph, iam = account_graph(account), aws.client("iam")
    boundary = graph.one("aws:iam/policy:Policy", f"{environment}-boundary")
    iam.create_policy(PolicyName=boundary.inputs["name"], Path=PATH, PolicyDocument=boundary.inputs["policy"])
    return _as_role(aws, graph, f"deploy-{environment}", dict(_real_arns(aws, graph, environment)))


def preview(aws: Emulator, account: str) -> dict[str, str]:
    """Make the role of previews; return the environment of a process that works as it."""
    return _as_role(aws, account_graph(account), "preview", {})


def _as_role(aws: Emulator, graph: Graph, role: str, real: Mapping[str, str]) -> dict[str, str]:
    iam = aws.client("iam")
    # GitHub is not here: a user stands for it, as no root may assume a role.
    user = iam.create_user(UserName=f"github-{role}")["User"]["Arn"]
    role_arn = iam.create_role(
        RoleName=role,
        Path=PATH,
        AssumeRolePolicyDocument=_allow("sts:AssumeRole", Principal={"AWS": user}),
        MaxSessionDuration=7200,
    )["Role"]["Arn"]
    for policy in graph.of("aws:iam/rolePolicy:RolePolicy"):
        if policy.inputs["role"] == role:
            document = json.loads(policy.inputs["policy"])
            for statement in document["Statement"]:
                statement["Resource"] = [real.get(arn, arn) for arn in statement["Resource"]]
            iam.put_role_policy(RoleName=role, PolicyName=policy.name, PolicyDocument=json.dumps(document))
    for attached in graph.of("aws:iam/rolePolicyAttachment:RolePolicyAttachment"):
        if attached.inputs["role"] == role:
            iam.attach_role_policy(RoleName=role, PolicyArn=attached.inputs["policyArn"])
    github = _allow("sts:AssumeRole", Resource=role_arn)
    iam.put_user_policy(UserName=f"github-{role}", PolicyName="assume", PolicyDocument=github)
    key = iam.create_access_key(UserName=f"github-{role}")["AccessKey"]
    return aws.environment_as(role_arn, key["AccessKeyId"], key["SecretAccessKey"])


def _allow(action: str, **whom: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, **whom}]})


def _real_arns(aws: Emulator, graph: Graph, environment: str) -> Iterator[tuple[str, str]]:
    """The ARNs that the recording of the account's stack made up -> those of the emulator."""
    for resource in graph.of("aws:secretsmanager/secret:Secret"):
        found = aws.client("secretsmanager").describe_secret(SecretId=resource.inputs["name"])
        yield resource.outputs["arn"], found["ARN"]
    for resource in graph.of("aws:cloudwatch/logGroup:LogGroup"):
        groups = aws.client("logs").describe_log_groups(logGroupNamePrefix=resource.inputs["name"])["logGroups"]
        yield resource.outputs["arn"], groups[0]["arn"].removesuffix(":*")
    key = aws.client("kms").describe_key(KeyId=f"alias{PATH}{environment}")["KeyMetadata"]["Arn"]
    yield graph.one("aws:kms/key:Key", environment).outputs["arn"], key
