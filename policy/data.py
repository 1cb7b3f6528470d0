"""What keeps data: encrypted with keys of ours, reachable by few, hard to lose."""

from collections.abc import Iterator, Sequence

from policy.check import Properties, Resource, ResourceCheck, StackCheck, as_list, of_type, statements

DATABASE = "aws:rds/instance:Instance"
PARAMETERS = "aws:rds/parameterGroup:ParameterGroup"
STREAM = "aws:kinesis/stream:Stream"
BUCKET = "aws:s3/bucket:Bucket"
REPOSITORY = "aws:ecr/repository:Repository"
KEY = "aws:kms/key:Key"
SECRETS = ("aws:secretsmanager/secret:Secret",)

MIN_BACKUP_DAYS = 7


def _database_key(props: Properties) -> Iterator[str]:
    if not props.get("storageEncrypted") or not props.get("kmsKeyId"):
        yield "is not encrypted with a key of ours: storageEncrypted and kmsKeyId"


def _database_login(props: Properties) -> Iterator[str]:
    if not props.get("iamDatabaseAuthenticationEnabled"):
        yield "does not take IAM tokens: services would need static passwords"
    if props.get("password"):
        yield "has its password in the program: manageMasterUserPassword keeps it out of the state"


def _database_private(props: Properties) -> Iterator[str]:
    if props.get("publiclyAccessible"):
        yield "has a public address"


def _database_logs(props: Properties) -> Iterator[str]:
    if "postgresql" not in as_list(props.get("enabledCloudwatchLogsExports")):
        yield "does not export its log"


def _database_kept(props: Properties) -> Iterator[str]:
    if not props.get("deletionProtection"):
        yield "can be deleted: deletionProtection"
    if props.get("skipFinalSnapshot") or not props.get("finalSnapshotIdentifier"):
        yield "leaves no final snapshot"
    if (props.get("backupRetentionPeriod") or 0) < MIN_BACKUP_DAYS:
        yield f"keeps backups for {props.get('backupRetentionPeriod') or 0} days: {MIN_BACKUP_DAYS} at least"


def _force_ssl(props: Properties) -> Iterator[str]:
    values = {p.get("name"): p.get("value") for p in as_list(props.get("parameters"))}
    if values.get("rds.force_ssl") != "1":
        yield "lets connections in without TLS: rds.force_ssl must be 1"


def _stream_key(props: Properties) -> Iterator[str]:
    if props.get("encryptionType") != "KMS" or props.get("kmsKeyId") in (None, "alias/aws/kinesis"):
        yield "is not encrypted with a key of ours"


def _images(props: Properties) -> Iterator[str]:
    if props.get("imageTagMutability") != "IMMUTABLE":
        yield "lets a tag point to another image later: imageTagMutability IMMUTABLE"
    if not (props.get("imageScanningConfiguration") or {}).get("scanOnPush"):
        yield "does not scan what is pushed"


def _key_rotation(props: Properties) -> Iterator[str]:
    if not props.get("enableKeyRotation"):
        yield "is never rotated: enableKeyRotation"


def _secret_key(props: Properties) -> Iterator[str]:
    if not props.get("kmsKeyId"):
        yield "is encrypted with AWS's key, not ours: kmsKeyId"


def _buckets(resources: Sequence[Resource]) -> Iterator[tuple[Resource, str]]:
    for bucket in of_type(resources, BUCKET):
        if not any(
            _blocks_all(r.props) for r in _about(resources, bucket, "bucketPublicAccessBlock:BucketPublicAccessBlock")
        ):
            yield bucket, "may become public: a BucketPublicAccessBlock with all four settings"
        versionings = _about(resources, bucket, "bucketVersioning:BucketVersioning")
        if not any((r.props.get("versioningConfiguration") or {}).get("status") == "Enabled" for r in versionings):
            yield bucket, "keeps no earlier versions: BucketVersioning"
        if not any(_demands_tls(r.props) for r in _about(resources, bucket, "bucketPolicy:BucketPolicy")):
            yield bucket, "answers without TLS: a BucketPolicy that denies aws:SecureTransport false"


def _about(resources: Sequence[Resource], bucket: Resource, kind: str) -> list[Resource]:
    return [r for r in of_type(resources, f"aws:s3/{kind}") if r.refers_to(bucket, "bucket")]


def _blocks_all(props: Properties) -> bool:
    return all(
        props.get(name)
        for name in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    )


def _demands_tls(props: Properties) -> bool:
    return any(
        statement.get("Effect") == "Deny"
        and (statement.get("Condition") or {}).get("Bool", {}).get("aws:SecureTransport") in ("false", False)
        for statement in statements(props.get("policy"))
    )


CHECKS = (
    ResourceCheck("rds-own-key", "The database is encrypted with a key of ours", (DATABASE,), _database_key),
    ResourceCheck("rds-no-static-password", "Who connects proves it with an IAM token", (DATABASE,), _database_login),
    ResourceCheck("rds-private", "The database has no public address", (DATABASE,), _database_private),
    ResourceCheck("rds-logs", "The database exports its log", (DATABASE,), _database_logs),
    ResourceCheck("rds-kept", "Production data is hard to lose", (DATABASE,), _database_kept, production_only=True),
    ResourceCheck("rds-tls", "The database refuses connections without TLS", (PARAMETERS,), _force_ssl),
    ResourceCheck("kinesis-own-key", "Streams are encrypted with a key of ours", (STREAM,), _stream_key),
    ResourceCheck("ecr-images", "Images cannot be replaced and are scanned", (REPOSITORY,), _images),
    ResourceCheck("kms-rotation", "Keys are rotated", (KEY,), _key_rotation),
    ResourceCheck("secret-own-key", "Secrets are encrypted with a key of ours", SECRETS, _secret_key),
    StackCheck("s3-buckets", "Buckets are private, versioned and reached over TLS only", _buckets),
)
