"""Whoever would be locked out of the cluster that a deployment makes is told before anything is made."""

import pulumi
import pulumi_aws as aws

from apps.platform.distinct import normalized
from components.cluster.config import ClusterConfig
from stacks.config import PROJECT
from stacks.errors import StackConfigError, as_yaml


def caller(provider: aws.Provider) -> str:
    """Return the ARN of whoever runs this program, as AWS knows them."""
    return aws.get_caller_identity(opts=pulumi.InvokeOptions(provider=provider)).arn


def check_caller(cluster: ClusterConfig, stack: str, arn: str, *, preview: bool) -> None:
    """Raise StackConfigError for somebody whom the cluster does not let in: half way their deployment would stop."""
    if any(_is(principal, arn) for principal in (*cluster.administrators, *(cluster.viewers if preview else ()))):
        return
    *_, account, resource = arn.split(":", 5)
    kind, _, name = resource.partition("/")
    role = name.partition("/")[0]
    entry = f"arn:aws:iam::{account}:role/{role}" if kind == "assumed-role" else arn
    written = as_yaml(f"{PROJECT}:environment", {"cluster": {"administrators": [entry]}})
    hint = f"The whole ARN of a role: aws iam get-role --role-name {role} --query Role.Arn\n" if entry != arn else ""
    raise StackConfigError(
        f"{arn} is none of the administrators of the cluster that {stack} makes: it would not let you in. Add yourself "
        f"to Pulumi.{stack}.yaml:\n{written}{hint}"
    )


def _is(principal: str, arn: str) -> bool:
    """Whether an IAM role or user is who calls; a session tells the name of its role without the path."""
    *_, account, resource = principal.split(":", 5)
    kind, _, name = resource.partition("/")
    session = f":sts::{account}:assumed-role/{name.rpartition('/')[2]}/"
    return normalized(principal) == normalized(arn) or (kind == "role" and session.casefold() in arn.casefold())
