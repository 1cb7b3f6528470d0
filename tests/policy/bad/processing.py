"""Jobs on machines of SageMaker, and what such machines may do."""

from collections.abc import Mapping
from typing import Any

from tests.policy.changes import Change, add, bad
from tests.policy.sound import ACCOUNT, BOUNDARY, JOB, policy, schedule, trust

INTERFACES = f"arn:aws:ec2:eu-west-1:{ACCOUNT}:network-interface/*"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"


def job(**changed: Any) -> Change:
    """Return a change of what the sound schedule asks SageMaker for."""
    return lambda stack: stack["job"][1].update(schedule({**JOB, **changed}))


def machines(**condition: Any) -> Change:
    """Return a change that lets a role make interfaces, under a condition."""

    def apply(stack: Any) -> None:
        source = {"aws:SourceAccount": ACCOUNT}
        role = {"assumeRolePolicy": trust("sagemaker", StringEquals=source), "permissionsBoundary": BOUNDARY}
        given: Mapping[str, Any] = {"Condition": condition} if condition else {}
        stack["machines-role"] = ("aws:iam/role:Role", role)
        allowed = policy("ec2:CreateNetworkInterface", INTERFACES, **given)
        stack["machines-policy"] = ("aws:iam/rolePolicy:RolePolicy", {"role": "machines-role_id", "policy": allowed})

    return apply


BAD = (
    bad("a job in nobody's network", "processing-closed", job(NetworkConfig={})),
    bad(
        "a job whose machines talk in clear",
        "processing-closed",
        job(NetworkConfig={**JOB["NetworkConfig"], "EnableInterContainerTrafficEncryption": False}),
    ),
    bad("a job with disks under AWS's key", "processing-closed", job(ProcessingResources={"ClusterConfig": {}})),
    bad("a job in the newest image", "processing-image", job(AppSpecification={"ImageUri": "r/forecast:latest"})),
    bad("a job without an end", "processing-ends", job(StoppingCondition={})),
    bad("machines with interfaces in any network", "iam-no-wildcards", machines()),
    bad(
        "IPsec from addresses",
        "ingress-names-ports database-from-groups",
        add(INGRESS, securityGroupId="nodes_id", ipProtocol="50", cidrIpv4="10.0.0.0/16"),
    ),
)
