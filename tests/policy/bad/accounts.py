"""Who may do what: policies, attachments, trust."""

import json
from typing import Any

from tests.policy.changes import Change, add, bad, change, give
from tests.policy.sound import ACCOUNT, AWS_POLICY, GITHUB, Stack, policy, statement, trust

EVERYTHING = policy("*", "*")
ROLE = "aws:iam/role:Role"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
WEB_IDENTITY = "sts:AssumeRoleWithWebIdentity"
OIDC = f"arn:aws:iam::{ACCOUNT}:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/A"


def allows(action: str | list[str], resource: str | list[str], **more: Any) -> Change:
    return give("gateway-policy", policy=policy(action, resource, **more))


def trusts(**changes: Any) -> Change:
    return give("gateway-role", assumeRolePolicy=statement(**{"Action": "sts:AssumeRole", **changes}))


def github(operator: str = "StringEquals", **changed: Any) -> Change:
    """Return a change of what GitHub must show; None removes it."""

    def apply(stack: Stack) -> None:
        document = json.loads(stack["ci"][1]["assumeRolePolicy"])
        exact = document["Statement"][0]["Condition"].setdefault(operator, {})
        for claim, value in changed.items():
            exact.pop(f"{GITHUB}:{claim}", None)
            if value is not None:
                exact[f"{GITHUB}:{claim}"] = value
        stack["ci"][1]["assumeRolePolicy"] = json.dumps(document)

    return apply


BAD = (
    bad(
        "a policy that produces on two streams",
        "kinesis-one-side",
        allows("kinesis:PutRecord", [f"arn:aws:kinesis:eu-west-1:{ACCOUNT}:stream/{name}" for name in "ab"]),
    ),
    bad("a person of its own", "no-iam-users", add("aws:iam/user:User")),
    bad("an action by pattern", "iam-no-wildcards", allows("s3:Get*", "arn:aws:s3:::b/k")),
    bad("an action on every resource", "iam-no-wildcards", allows("s3:GetObject", "*")),
    bad("everything", "iam-no-wildcards iam-no-escalation", allows("*", "*")),
    bad("everything but something", "iam-no-wildcards", allows([], "*", NotAction="iam:*")),
    bad(
        "everything for a workload that is called redeployer",
        "iam-no-wildcards iam-no-escalation",
        add("aws:iam/rolePolicy:RolePolicy", "redeployer-x", role="gateway-role_id", policy=EVERYTHING),
    ),
    bad(
        "everything for a workload that is called preview",
        "iam-no-wildcards iam-no-escalation",
        add("aws:iam/rolePolicy:RolePolicy", "image-preview-cache", role="gateway-role_id", policy=EVERYTHING),
    ),
    bad(
        "everything written in the role",
        "iam-no-wildcards iam-no-escalation",
        give("gateway-role", inlinePolicies=[{"name": "x", "policy": EVERYTHING}]),
    ),
    bad(
        "everything for a group of people",
        "iam-no-wildcards iam-no-escalation",
        add("aws:iam/groupPolicy:GroupPolicy", group="g", policy=EVERYTHING),
    ),
    bad(
        "everything in a managed policy",
        "iam-no-wildcards iam-no-escalation",
        add("aws:iam/policy:Policy", name="p", path="/", policy=EVERYTHING),
    ),
    bad(
        "a person with a key who may everything",
        "no-iam-users iam-no-wildcards iam-no-escalation",
        add("aws:iam/user:User", "u"),
        add("aws:iam/accessKey:AccessKey", "k", user="u"),
        add("aws:iam/userPolicy:UserPolicy", "up", user="u", policy=EVERYTHING),
    ),
    bad(
        "every secret of every account",
        "iam-no-wildcards",
        allows("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:*:*:secret:*"),
    ),
    bad(
        "every secret of the account",
        "iam-no-wildcards",
        allows("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:*"),
    ),
    bad("every bucket", "iam-no-wildcards", allows("s3:GetObject", "arn:aws:s3:::*")),
    bad("every object of every bucket", "iam-no-wildcards", allows("s3:GetObject", "arn:aws:s3:::*/*")),
    bad(
        "every role may be passed on",
        "iam-no-wildcards iam-no-escalation",
        allows("iam:PassRole", "arn:aws:iam::*:role/*"),
    ),
    bad(
        "roles may be made without a boundary",
        "iam-no-escalation",
        allows("iam:CreateRole", f"arn:aws:iam::{ACCOUNT}:role/p/*"),
    ),
    bad(
        "policies may be changed",
        "iam-no-escalation",
        allows("iam:CreatePolicyVersion", f"arn:aws:iam::{ACCOUNT}:policy/p/x"),
    ),
    bad(
        "a policy that produces and consumes",
        "kinesis-one-side",
        allows(["kinesis:PutRecords", "kinesis:GetRecords"], f"arn:aws:kinesis:eu-west-1:{ACCOUNT}:stream/r"),
    ),
    bad(
        "a policy that deletes a stream",
        "kinesis-one-side",
        allows("kinesis:DeleteStream", f"arn:aws:kinesis:eu-west-1:{ACCOUNT}:stream/r"),
    ),
    bad(
        "AdministratorAccess attached",
        "iam-attached-known",
        add(ATTACHMENT, role="gateway-role_id", policyArn=f"{AWS_POLICY}/AdministratorAccess"),
    ),
    bad(
        "AdministratorAccess attached to the nodes",
        "iam-attached-known",
        give("nodes-own", policyArn=f"{AWS_POLICY}/AdministratorAccess"),
    ),
    bad(
        "AdministratorAccess written in the role",
        "iam-attached-known",
        give("gateway-role", managedPolicyArns=[f"{AWS_POLICY}/AdministratorAccess"]),
    ),
    bad("the nodes' policy for a pod", "iam-attached-known", give("nodes-own", role="gateway-role_id")),
    bad(
        "a policy that reads everything for a pod",
        "iam-attached-known",
        add(ATTACHMENT, role="gateway-role_id", policyArn=f"{AWS_POLICY}/ReadOnlyAccess"),
    ),
    bad(
        "a policy of nobody's stack",
        "iam-attached-known",
        add(ATTACHMENT, role="gateway-role_id", policyArn=f"arn:aws:iam::{ACCOUNT}:policy/old"),
    ),
    bad(
        "the nodes' role may read a bucket",
        "node-role-bare",
        add("aws:iam/rolePolicy:RolePolicy", role="nodes-role_id", policy=policy("s3:GetObject", "arn:aws:s3:::b/k")),
    ),
    bad("a role for anyone", "iam-trust-named", trusts(Principal="*")),
    bad("a role for anyone of AWS", "iam-trust-named", trusts(Principal={"AWS": ["*"]})),
    bad("a role for all but one", "iam-trust-named", trusts(NotPrincipal={"AWS": "arn:aws:iam::1:root"})),
    bad(
        "a role for another account",
        "iam-trust-named no-other-account",
        trusts(Principal={"AWS": "arn:aws:iam::999999999999:root"}),
    ),
    bad(
        "a role for another account's role",
        "no-other-account",
        trusts(Principal={"AWS": "arn:aws:iam::999999999999:role/x"}),
    ),
    bad("a role for roles by pattern", "iam-trust-named", trusts(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/*"})),
    bad("GitHub without a subject", "github-trust-exact", github(sub=None)),
    bad("GitHub by branch", "github-trust-exact", github(sub="repo:owner/repository:ref:refs/heads/main")),
    bad("GitHub by pattern", "github-trust-exact", github(sub="repo:owner@1/repository@2:*")),
    bad("GitHub by a pattern beside", "github-trust-exact", github("StringLike", actor="a*")),
    bad("GitHub for another audience", "github-trust-exact", github(aud="https://github.com/owner")),
    bad("GitHub without the repository's id", "github-trust-exact", github(repository_id=None)),
    bad("GitHub from any ref", "github-trust-exact", github("StringLike", ref=None)),
    bad("GitHub from a pattern of refs", "github-trust-exact", github("StringLike", ref="refs/*")),
    bad("GitHub from a ref, where there is one", "github-trust-exact", github("StringEqualsIfExists", ref="refs/x")),
    bad("GitHub in any workflow of an owner", "github-trust-exact", github("StringLike", job_workflow_ref="owner/*")),
    bad(
        "pods of the cluster by its old way, without a subject",
        "web-identity-trust-exact",
        trusts(Principal={"Federated": OIDC}, Action=WEB_IDENTITY),
    ),
    bad(
        "pods of the cluster by its old way, by pattern",
        "web-identity-trust-exact",
        trusts(
            Principal={"Federated": OIDC},
            Action=WEB_IDENTITY,
            Condition={"StringEquals": {"i:aud": "sts.amazonaws.com", "i:sub": "system:serviceaccount:sensors:*"}},
        ),
    ),
    bad("any pod of any cluster", "pod-identity-trust-exact", give("gateway-role", assumeRolePolicy=trust("pods.eks"))),
    bad(
        "any pod of one namespace",
        "pod-identity-trust-exact",
        give(
            "gateway-role",
            assumeRolePolicy=trust("pods.eks", StringEquals={"aws:RequestTag/kubernetes-namespace": "sensors"}),
        ),
    ),
    bad("a role without a boundary", "roles-bounded", change("gateway-role", "permissionsBoundary")),
    bad("a second role without a boundary", "roles-bounded", add(ROLE, assumeRolePolicy=trust("ec2"))),
    bad(
        "a boundary that is attached",
        "iam-no-wildcards",
        add("aws:iam/policy:Policy", "bound", name="dev-boundary", path="/p/", policy=policy("ec2:*", "*")),
        add(ATTACHMENT, role="gateway-role_id", policyArn="bound_id"),
    ),
)
