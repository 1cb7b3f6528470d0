"""Policies on resources: who else may use a bucket, a key, a secret, a stream, a queue."""

from collections.abc import Iterator

from policy.accounts import own_accounts
from policy.check import Resource, ResourceCheck, Stack, StackCheck
from policy.documents import Statement, account_of, statements
from policy.properties import Properties
from policy.trust import ROLE

WRITTEN = ("policy", "policyDocument", "accessPolicies", "assumeRolePolicy")
"""What the property is called, depending on the type."""

POLICIES = (
    "aws:backup/vaultPolicy:VaultPolicy",
    "aws:cloudwatch/eventBusPolicy:EventBusPolicy",
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy",
    "aws:dynamodb/resourcePolicy:ResourcePolicy",
    "aws:ecr/registryPolicy:RegistryPolicy",
    "aws:ecr/repositoryPolicy:RepositoryPolicy",
    "aws:efs/fileSystemPolicy:FileSystemPolicy",
    "aws:kinesis/resourcePolicy:ResourcePolicy",
    "aws:kms/externalKey:ExternalKey",
    "aws:kms/key:Key",
    "aws:kms/keyPolicy:KeyPolicy",
    "aws:kms/replicaKey:ReplicaKey",
    "aws:opensearch/domain*:*",
    "aws:s3/accessPoint:AccessPoint",
    "aws:s3/bucket*:Bucket*",
    "aws:secretsmanager/secret:Secret",
    "aws:secretsmanager/secretPolicy:SecretPolicy",
    "aws:sns/topic:Topic",
    "aws:sns/topicPolicy:TopicPolicy",
    "aws:sqs/queue:Queue",
    "aws:sqs/queuePolicy:QueuePolicy",
)
BINDING = {
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "kms:calleraccount",
}
"""Conditions that say who comes, where a principal says everybody."""


def _named(props: Properties) -> Iterator[str]:
    for statement in _allowed(props):
        if "NotPrincipal" in statement.negated:
            yield "lets in all but somebody: name who may"
        if "*" in statement.who("AWS") and not _bound(statement):
            yield f"lets anybody do {', '.join(statement.actions) or 'all but something'}: name who may"


def _bound(statement: Statement) -> bool:
    """Tell whether conditions name who may come, exactly or by a beginning; `...IfExists` names nobody."""
    return any(
        key in BINDING and values and not any(value.startswith("*") for value in values)
        for operator, pairs in statement.conditions.items()
        if operator in {"StringEquals", "StringLike", "ArnEquals", "ArnLike"}
        for key, values in pairs.items()
    )


def _own(resource: Resource, stack: Stack) -> Iterator[str]:
    own = own_accounts(stack)
    others = {
        account
        for statement in _allowed(resource.props)
        for principal in statement.who("AWS")
        if (account := account_of(principal)) and own and account not in own
    }
    if others:
        yield f"lets another account in ({', '.join(sorted(others))})"


def _allowed(props: Properties) -> Iterator[Statement]:
    for name in WRITTEN:
        yield from (statement for statement in statements(props.get(name)) if statement.allows)


CHECKS = (
    ResourceCheck(
        name="resource-policies-named",
        description="Policies on buckets, keys, secrets, streams and repositories name who may use them",
        types=POLICIES,
        find=_named,
        also=("CKV_AWS_32", "CKV_AWS_33", "CKV_AWS_70", "CKV_AWS_168", "CKV_AWS_169"),
    ),
    StackCheck(
        name="no-other-account",
        description="No role and no resource lets another account in",
        types=(*POLICIES, *ROLE),
        find=_own,
    ),
)
