"""Buckets: private, versioned, reached over TLS only."""

from collections.abc import Callable, Iterator

from policy.check import Resource, ResourceCheck, Stack, StackCheck
from policy.documents import Statement, statements
from policy.properties import Properties, any_of, get_path, is_true

BUCKET = ("aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2")
ACL = ("aws:s3/bucketAcl:BucketAcl", "aws:s3/bucketAclV2:BucketAclV2")
BLOCK = ("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",)
VERSIONING = ("aws:s3/bucketVersioning:BucketVersioning", "aws:s3/bucketVersioningV2:BucketVersioningV2")
POLICY = ("aws:s3/bucketPolicy:BucketPolicy",)

ALL_BLOCKS = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")


def _guarded(bucket: Resource, stack: Stack) -> Iterator[str]:
    def has(types: tuple[str, ...], holds: Callable[[Properties], bool]) -> bool:
        return any_of(stack.of(types), lambda guard: guard.refers_to(bucket, "bucket") and holds(guard.props))

    if not has(BLOCK, _blocks_all):
        yield "may become public: a BucketPublicAccessBlock with all four settings"
    if not has(VERSIONING, _keeps_versions):
        yield "keeps no earlier versions: BucketVersioning"
    if not has(POLICY, _demands_tls):
        yield "answers without TLS: a BucketPolicy that denies everybody everything without aws:SecureTransport"


def _blocks_all(props: Properties) -> bool:
    return all(is_true(props.get(name)) for name in ALL_BLOCKS)


def _keeps_versions(props: Properties) -> bool:
    return bool(get_path(props, "versioningConfiguration", "status") == "Enabled")


def _demands_tls(props: Properties) -> bool:
    return any(_denies_clear(statement) for statement in statements(props.get("policy")))


def _denies_clear(statement: Statement) -> bool:
    return (
        not statement.allows
        and "*" in statement.who("AWS")
        and {"s3:*", "*"} & {action.lower() for action in statement.actions} != set()
        and any(resource == "*" or resource.endswith("/*") for resource in statement.resources)
        and set(statement.conditions) == {"Bool"}
        and {value.lower() for value in statement.requires("aws:SecureTransport", "Bool")} == {"false"}
    )


def _acl(props: Properties) -> Iterator[str]:
    if (acl := props.get("acl")) in {"public-read", "public-read-write", "authenticated-read"}:
        yield f"is open to everybody: acl {acl}"
    if "/groups/global/" in str(get_path(props, "accessControlPolicy", "grants")):
        yield "is open to everybody: a grant of a global group"


CHECKS = (
    StackCheck(
        name="s3-buckets",
        description="Buckets are private, versioned and reached over TLS only",
        types=BUCKET,
        find=_guarded,
        also=(*(f"CKV_AWS_{number}" for number in (21, 53, 54, 55, 56, 379)), "CKV2_AWS_6", "CIS AWS 2.1.1"),
    ),
    ResourceCheck(
        name="s3-acl-private",
        description="No list of access opens a bucket",
        types=(*BUCKET, *ACL),
        find=_acl,
        also=("CKV_AWS_20", "CKV_AWS_57", "CKV_AWS_375", "CKV2_AWS_43"),
    ),
)
