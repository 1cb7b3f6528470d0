"""What keeps data: encrypted with keys of ours, reachable by few, hard to lose."""

from collections.abc import Iterator

from policy.check import ResourceCheck
from policy.properties import Properties, as_list, get_path, is_given, is_true, mappings, strings

INSTANCE = "aws:rds/instance:Instance"
CLUSTER = "aws:rds/cluster:Cluster"
MEMBER = "aws:rds/clusterInstance:ClusterInstance"
DATABASE = (INSTANCE, CLUSTER)
PARAMETERS = ("aws:rds/parameterGroup:ParameterGroup", "aws:rds/clusterParameterGroup:ClusterParameterGroup")
STREAM = ("aws:kinesis/stream:Stream",)
REPOSITORY = ("aws:ecr/repository:Repository",)
KEY = ("aws:kms/key:Key",)
SECRETS = ("aws:secretsmanager/secret:Secret",)
LOG_GROUP = ("aws:cloudwatch/logGroup:LogGroup",)
SHARED = {
    "aws:rds/snapshot:Snapshot": "sharedAccounts",
    "aws:rds/clusterSnapshot:ClusterSnapshot": "sharedAccounts",
    "aws:rds/snapshotCopy:SnapshotCopy": "sharedAccounts",
    "aws:rds/clusterSnapshotCopy:ClusterSnapshotCopy": "sharedAccounts",
    "aws:ec2/snapshotCreateVolumePermission:SnapshotCreateVolumePermission": "accountId",
    "aws:ec2/amiLaunchPermission:AmiLaunchPermission": "imageId",
}
"""Copies of data -> the property that hands them to others."""

OWN_KEY = {
    "aws:backup/vault:Vault": "kmsKeyArn",
    "aws:cloudwatch/logGroup:LogGroup": "kmsKeyId",
    "aws:dynamodb/table:Table": "serverSideEncryption.kmsKeyArn",
    "aws:ebs/snapshotCopy:SnapshotCopy": "kmsKeyId",
    "aws:ec2/amiCopy:AmiCopy": "kmsKeyId",
    "aws:efs/fileSystem:FileSystem": "kmsKeyId",
    "aws:elasticache/replicationGroup:ReplicationGroup": "kmsKeyId",
    "aws:rds/clusterSnapshotCopy:ClusterSnapshotCopy": "kmsKeyId",
    "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication": "kmsKeyId",
    "aws:rds/snapshotCopy:SnapshotCopy": "kmsKeyId",
    "aws:redshift/cluster:Cluster": "kmsKeyId",
    "aws:sns/topic:Topic": "kmsMasterKeyId",
    "aws:sqs/queue:Queue": "kmsMasterKeyId",
}
"""What else keeps data -> the property that names its key. Where a key is named, AWS encrypts with it."""

MIN_BACKUP_DAYS = 7
ROTATED = {None, "", "SYMMETRIC_DEFAULT"}


def _is_replica(props: Properties) -> bool:
    """A replica takes over its source's settings."""
    return is_given(props, "replicateSourceDb") or is_given(props, "replicationSourceIdentifier")


def _database_key(props: Properties) -> Iterator[str]:
    if not is_true(props.get("storageEncrypted")):
        yield "is not encrypted: storageEncrypted and kmsKeyId"
        return
    # Within a region a replica has its source's key; another region has another key.
    source = str(props.get("replicateSourceDb") or "") if _is_replica(props) else None
    if (source is None or source.startswith("arn:")) and not props.get("kmsKeyId"):
        yield "is not encrypted with a key of ours: kmsKeyId"


def _database_login(props: Properties) -> Iterator[str]:
    if not is_true(props.get("iamDatabaseAuthenticationEnabled")):
        yield "does not take IAM tokens: services would need static passwords"
    if is_given(props, "password") or is_given(props, "masterPassword"):
        yield "has its password in the program: manageMasterUserPassword keeps it out of the state"


def _database_private(props: Properties) -> Iterator[str]:
    if is_true(props.get("publiclyAccessible")):
        yield "has a public address"


def _database_logs(props: Properties) -> Iterator[str]:
    if "postgresql" not in as_list(props.get("enabledCloudwatchLogsExports")):
        yield "does not export its log"


def _database_kept(props: Properties) -> Iterator[str]:
    if not is_true(props.get("deletionProtection")):
        yield "can be deleted: deletionProtection"
    if _is_replica(props):
        return
    if is_true(props.get("skipFinalSnapshot")) or not is_given(props, "finalSnapshotIdentifier"):
        yield "leaves no final snapshot"
    days = props.get("backupRetentionPeriod") or 0
    if days < MIN_BACKUP_DAYS:
        yield f"keeps backups for {days:g} days: {MIN_BACKUP_DAYS} at least"


def _patched(props: Properties) -> Iterator[str]:
    if props.get("autoMinorVersionUpgrade") is False:
        yield "is not patched: autoMinorVersionUpgrade"


def _copies_tagged(props: Properties) -> Iterator[str]:
    if not is_true(props.get("copyTagsToSnapshot")):
        yield "leaves its snapshots without tags: no bill says whose they are (copyTagsToSnapshot)"


def _force_ssl(props: Properties) -> Iterator[str]:
    values = {p.get("name"): p.get("value") for p in mappings(props.get("parameters"))}
    if values.get("rds.force_ssl") != "1":
        yield "lets connections in without TLS: rds.force_ssl must be 1"


def _stream_key(props: Properties) -> Iterator[str]:
    if props.get("encryptionType") != "KMS" or props.get("kmsKeyId") in (None, "alias/aws/kinesis"):
        yield "is not encrypted with a key of ours"


def _images(props: Properties) -> Iterator[str]:
    if props.get("imageTagMutability") != "IMMUTABLE":
        yield "lets a tag point to another image later: imageTagMutability IMMUTABLE"
    if not is_true(get_path(props, "imageScanningConfiguration", "scanOnPush")):
        yield "does not scan what is pushed"
    if not any(is_given(configuration, "kmsKey") for configuration in mappings(props.get("encryptionConfigurations"))):
        yield "is not encrypted with a key of ours: encryptionConfigurations with kmsKey"


def _key_rotation(props: Properties) -> Iterator[str]:
    # AWS rotates no asymmetric key.
    if props.get("customerMasterKeySpec") in ROTATED and not is_true(props.get("enableKeyRotation")):
        yield "is never rotated: enableKeyRotation"


def _secret_key(props: Properties) -> Iterator[str]:
    if not props.get("kmsKeyId"):
        yield "is encrypted with AWS's key, not ours: kmsKeyId"


def _own_key(props: Properties) -> Iterator[str]:
    if not any(get_path(props, *path.split(".")) for path in set(OWN_KEY.values())):
        yield "is not encrypted with a key of ours: kmsKeyId, or what its type calls it"


def _retention(props: Properties) -> Iterator[str]:
    if not props.get("retentionInDays"):
        yield "keeps its logs for ever: retentionInDays"


def _shared(props: Properties) -> Iterator[str]:
    for name in sorted(set(SHARED.values())):
        if others := strings(props.get(name)):
            yield f"hands its data to others ({name}: {', '.join(others)})"


CHECKS = (
    ResourceCheck(
        name="rds-own-key",
        description="Databases, replicas too, are encrypted with a key of ours",
        types=DATABASE,
        find=_database_key,
        also=("CKV_AWS_16", "CKV_AWS_96", "CKV_AWS_327", "CIS AWS 2.3.1"),
    ),
    ResourceCheck(
        name="rds-no-static-password",
        description="Who connects proves it with an IAM token",
        types=DATABASE,
        find=_database_login,
        also=("CKV_AWS_161", "CKV_AWS_162"),
    ),
    ResourceCheck(
        name="rds-private",
        description="Databases have no public address",
        types=(INSTANCE, MEMBER),
        find=_database_private,
        also=("CKV_AWS_17", "CIS AWS 2.3.3"),
    ),
    ResourceCheck(
        name="rds-logs",
        description="Databases export their log",
        types=DATABASE,
        find=_database_logs,
        also=("CKV_AWS_129", "CKV_AWS_324"),
    ),
    ResourceCheck(
        name="rds-kept",
        description="Production data is hard to lose",
        types=DATABASE,
        find=_database_kept,
        also=("CKV_AWS_133", "CKV_AWS_139", "CKV_AWS_293"),
        production_only=True,
    ),
    ResourceCheck(
        name="rds-patched",
        description="Databases take patches",
        types=(INSTANCE, MEMBER),
        find=_patched,
        also=("CKV_AWS_226", "CIS AWS 2.3.2"),
    ),
    ResourceCheck(
        name="rds-copies-tagged",
        description="Snapshots carry tags",
        types=DATABASE,
        find=_copies_tagged,
        also=("CKV_AWS_313", "CKV2_AWS_60"),
    ),
    ResourceCheck(
        name="rds-tls",
        description="Databases refuse connections without TLS",
        types=PARAMETERS,
        find=_force_ssl,
        also=("CKV2_AWS_69",),
    ),
    ResourceCheck(
        name="copies-not-shared",
        description="Snapshots and images are nobody else's",
        types=tuple(SHARED),
        find=_shared,
        also=("CKV_AWS_302",),
    ),
    ResourceCheck(
        name="kinesis-own-key",
        description="Streams are encrypted with a key of ours",
        types=STREAM,
        find=_stream_key,
        also=("CKV_AWS_43", "CKV_AWS_185"),
    ),
    ResourceCheck(
        name="ecr-images",
        description="Images cannot be replaced, are scanned, and are encrypted with a key of ours",
        types=REPOSITORY,
        find=_images,
        also=("CKV_AWS_51", "CKV_AWS_136", "CKV_AWS_163"),
    ),
    ResourceCheck(
        name="kms-rotation",
        description="Keys are rotated",
        types=KEY,
        find=_key_rotation,
        also=("CKV_AWS_7", "CIS AWS 3.6"),
    ),
    ResourceCheck(
        name="secret-own-key",
        description="Secrets are encrypted with a key of ours",
        types=SECRETS,
        find=_secret_key,
        also=("CKV_AWS_149",),
    ),
    ResourceCheck(
        name="encrypted-with-own-key",
        description="Logs, copies and whatever else keeps data are encrypted with a key of ours",
        types=tuple(OWN_KEY),
        find=_own_key,
        also=("CKV_AWS_26", "CKV_AWS_27", "CKV_AWS_119", "CKV_AWS_158", "CKV_AWS_166", "CKV_AWS_184", "CKV_AWS_266"),
    ),
    ResourceCheck(
        name="log-retention",
        description="Logs are kept for a time that somebody chose",
        types=LOG_GROUP,
        find=_retention,
        also=("CKV_AWS_66",),
    ),
)
