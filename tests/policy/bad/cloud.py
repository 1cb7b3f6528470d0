"""What AWS keeps and runs: databases, streams, copies, machines, the cluster's own settings."""

from tests.policy.changes import add, bad, change, give, without
from tests.policy.sound import ACCOUNT, KEY, only_tls, policy

CLUSTER = "aws:rds/cluster:Cluster"
AURORA = {
    "copyTagsToSnapshot": True,
    "storageEncrypted": True,
    "kmsKeyId": KEY,
    "iamDatabaseAuthenticationEnabled": True,
    "enabledCloudwatchLogsExports": ["postgresql"],
    "deletionProtection": True,
    "finalSnapshotIdentifier": "last",
    "backupRetentionPeriod": 14,
}
REPLICA = {
    "copyTagsToSnapshot": True,
    "iamDatabaseAuthenticationEnabled": True,
    "enabledCloudwatchLogsExports": ["postgresql"],
    "deletionProtection": True,
}
INSTANCE = "aws:ec2/instance:Instance"
MACHINE = {
    "metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 1},
    "rootBlockDevice": {"encrypted": True},
}

BAD = (
    bad(
        "a machine with a second disk in clear",
        "machine-disks-encrypted",
        add(INSTANCE, ebsBlockDevices=[{"deviceName": "/dev/sdb"}], **MACHINE),
    ),
    bad(
        "a bucket granted to everybody",
        "s3-acl-private",
        add(
            "aws:s3/bucketAcl:BucketAcl",
            bucket="bucket_id",
            accessControlPolicy={"grants": [{"grantee": {"uri": "http://acs.amazonaws.com/groups/global/AllUsers"}}]},
        ),
    ),
    bad("nodes without a template", "nodes-from-template", change("nodes", "launchTemplate")),
    bad("a database without encryption", "rds-own-key", give("database", storageEncrypted=False)),
    bad("a database under AWS's key", "rds-own-key", change("database", "kmsKeyId")),
    bad(
        "an unencrypted replica in another region",
        "rds-own-key",
        add("aws:rds/instance:Instance", replicateSourceDb="arn:aws:rds:eu-central-1:1:db:x", **REPLICA),
    ),
    bad(
        "a replica in another region under AWS's key",
        "rds-own-key",
        add(
            "aws:rds/instance:Instance",
            replicateSourceDb="arn:aws:rds:eu-central-1:1:db:x",
            storageEncrypted=True,
            **REPLICA,
        ),
    ),
    bad("an Aurora cluster without encryption", "rds-own-key", add(CLUSTER, **AURORA | {"storageEncrypted": False})),
    bad(
        "an Aurora cluster with its password in the program",
        "rds-no-static-password",
        add(CLUSTER, masterPassword="hunter2", **AURORA),
    ),
    bad("a database with its password in the program", "rds-no-static-password", give("database", password="hunter2")),
    bad(
        "a database that takes no IAM tokens",
        "rds-no-static-password",
        give("database", iamDatabaseAuthenticationEnabled=False),
    ),
    bad("a database with a public address", "rds-private", give("database", publiclyAccessible=True)),
    bad(
        "an Aurora instance with a public address",
        "rds-private",
        add("aws:rds/clusterInstance:ClusterInstance", publiclyAccessible=True),
    ),
    bad("a database that logs nothing", "rds-logs", give("database", enabledCloudwatchLogsExports=[])),
    bad("a database that can be deleted", "rds-kept", give("database", deletionProtection=False)),
    bad("a database without a final snapshot", "rds-kept", change("database", "finalSnapshotIdentifier")),
    bad("a database that skips its final snapshot", "rds-kept", give("database", skipFinalSnapshot=True)),
    bad("six days of backups", "rds-kept", give("database", backupRetentionPeriod=6)),
    bad("a database whose snapshots have no tags", "rds-copies-tagged", give("database", copyTagsToSnapshot=False)),
    bad("images under AWS's key", "ecr-images", change("repository", "encryptionConfigurations")),
    bad("a database without patches", "rds-patched", give("database", autoMinorVersionUpgrade=False)),
    bad("a database without TLS", "rds-tls", give("parameters", parameters=[{"name": "rds.force_ssl", "value": "0"}])),
    bad("a snapshot for everybody", "copies-not-shared", add("aws:rds/snapshot:Snapshot", sharedAccounts=["all"])),
    bad(
        "a volume's snapshot for another account",
        "copies-not-shared",
        add("aws:ec2/snapshotCreateVolumePermission:SnapshotCreateVolumePermission", accountId="999999999999"),
    ),
    bad("a snapshot's copy without a key", "encrypted-with-own-key", change("copy", "kmsKeyId")),
    bad("a queue without a key", "encrypted-with-own-key", add("aws:sqs/queue:Queue", name="q")),
    bad("logs without a key", "encrypted-with-own-key", change("logs", "kmsKeyId")),
    bad("logs without an end", "log-retention", change("logs", "retentionInDays")),
    bad("a stream in clear", "kinesis-own-key", give("stream", encryptionType="NONE")),
    bad("a stream under AWS's key", "kinesis-own-key", give("stream", kmsKeyId="alias/aws/kinesis")),
    bad("images whose tags move", "ecr-images", give("repository", imageTagMutability="MUTABLE")),
    bad(
        "images that nobody scans",
        "ecr-images",
        change("repository", "imageScanningConfiguration", "scanOnPush", to=False),
    ),
    bad("a key that is never rotated", "kms-rotation", give("key", enableKeyRotation=False)),
    bad("a secret under AWS's key", "secret-own-key", change("secret", "kmsKeyId")),
    bad("a bucket that may become public", "s3-buckets", without("bucket-block")),
    bad("a bucket of which one way is open", "s3-buckets", give("bucket-block", restrictPublicBuckets=False)),
    bad("a bucket without versions", "s3-buckets", without("bucket-versions")),
    bad(
        "a bucket with suspended versions",
        "s3-buckets",
        change("bucket-versions", "versioningConfiguration", "status", to="Suspended"),
    ),
    bad("a bucket without TLS", "s3-buckets", without("bucket-policy")),
    bad("TLS for another bucket", "s3-buckets", give("bucket-policy", bucket="another_id")),
    bad(
        "TLS for one caller only",
        "s3-buckets",
        give("bucket-policy", policy=only_tls(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:user/x"})),
    ),
    bad("TLS for one action only", "s3-buckets", give("bucket-policy", policy=only_tls(Action="s3:DeleteBucket"))),
    bad("TLS for one object only", "s3-buckets", give("bucket-policy", policy=only_tls(Resource="arn:aws:s3:::b/one"))),
    bad(
        "a bucket of another type, open to readers",
        "s3-buckets s3-acl-private",
        add("aws:s3/bucketV2:BucketV2", acl="public-read"),
    ),
    bad(
        "a list of access that opens a bucket",
        "s3-acl-private",
        add("aws:s3/bucketAcl:BucketAcl", bucket="bucket_id", acl="public-read-write"),
    ),
    bad(
        "an image's repository open to anyone",
        "resource-policies-named",
        add("aws:ecr/repositoryPolicy:RepositoryPolicy", policy=policy("ecr:*", "*", Principal="*")),
    ),
    bad("a key open to anyone", "resource-policies-named", give("key", policy=policy("kms:*", "*", Principal="*"))),
    bad(
        "a secret open to anyone",
        "resource-policies-named",
        add(
            "aws:secretsmanager/secretPolicy:SecretPolicy",
            policy=policy("secretsmanager:GetSecretValue", "*", Principal={"AWS": "*"}),
        ),
    ),
    bad(
        "a stream open to anyone",
        "resource-policies-named",
        add("aws:kinesis/resourcePolicy:ResourcePolicy", policy=policy("kinesis:*", "*", Principal={"AWS": ["*"]})),
    ),
    bad(
        "a queue open to anyone who comes over TLS",
        "resource-policies-named",
        add(
            "aws:sqs/queuePolicy:QueuePolicy",
            policy=policy("sqs:SendMessage", "*", Principal="*", Condition={"Bool": {"aws:SecureTransport": "true"}}),
        ),
    ),
    bad(
        "a topic open to all but one",
        "resource-policies-named",
        add("aws:sns/topicPolicy:TopicPolicy", policy=policy("sns:Publish", "*", NotPrincipal={"AWS": "1"})),
    ),
    bad(
        "a bucket open to another account",
        "no-other-account",
        add("aws:s3/bucketPolicy:BucketPolicy", policy=policy("s3:GetObject", "*", Principal={"AWS": "999999999999"})),
    ),
    bad(
        "a secret's value in the program",
        "no-secret-in-program",
        add("aws:secretsmanager/secretVersion:SecretVersion", secretString="hunter2"),
    ),
    bad(
        "a password that the program makes",
        "no-secret-made-by-program",
        add("random:index/randomPassword:RandomPassword", length=32),
    ),
    bad(
        "a secret in a parameter",
        "no-secret-made-by-program",
        add("aws:ssm/parameter:Parameter", type="SecureString", value="x"),
    ),
    bad("IMDSv1 on nodes", "node-metadata", change("template", "metadataOptions", "httpTokens", to="optional")),
    bad(
        "metadata two hops away",
        "node-metadata",
        change("template", "metadataOptions", "httpPutResponseHopLimit", to=2),
    ),
    bad(
        "nodes with disks in clear",
        "node-disks-encrypted",
        change("template", "blockDeviceMappings", 0, "ebs", "encrypted", to="false"),
    ),
    bad("nodes with their image's disks", "node-disks-encrypted", change("template", "blockDeviceMappings")),
    bad("nodes without tags", "nodes-tagged", give("template", tagSpecifications=[])),
    bad("nodes that take logins", "no-logins", give("template", keyName="k")),
    bad(
        "nodes without a template, open for SSH",
        "no-logins nodes-from-template",
        change("nodes", "launchTemplate"),
        give("nodes", remoteAccess={"ec2SshKey": "k"}),
    ),
    bad(
        "a password in what nodes start with",
        "no-secret-in-user-data",
        give("template", userData="cHNxbCBwb3N0Z3JlczovL3U6aHVudGVyMkBoL2Q="),
    ),
    bad(
        "IMDSv1 on a machine",
        "node-metadata",
        add(INSTANCE, **MACHINE | {"metadataOptions": {"httpTokens": "optional"}}),
    ),
    bad(
        "a machine with a public address",
        "no-public-addresses",
        add(INSTANCE, **MACHINE, associatePublicIpAddress=True),
    ),
    bad(
        "a machine with a disk in clear",
        "machine-disks-encrypted",
        add(INSTANCE, **MACHINE | {"rootBlockDevice": {"encrypted": False}}),
    ),
    bad("a volume in clear", "volumes-encrypted", give("volume", encrypted=False)),
    bad("claims with volumes in clear", "storage-class-encrypted", change("gp3", "parameters", "encrypted")),
    bad(
        "a cluster without its private endpoint",
        "eks-private-endpoint",
        change("cluster", "vpcConfig", "endpointPrivateAccess", to=False),
    ),
    bad(
        "a cluster open to the world",
        "eks-public-endpoint-restricted",
        change("cluster", "vpcConfig", "publicAccessCidrs", to=["0.0.0.0/0"]),
    ),
    bad(
        "a cluster open to the world by default",
        "eks-public-endpoint-restricted",
        change("cluster", "vpcConfig", "publicAccessCidrs"),
    ),
    bad(
        "a cluster open to the world in two halves",
        "eks-public-endpoint-restricted",
        change("cluster", "vpcConfig", "publicAccessCidrs", to=["0.0.0.0/1", "128.0.0.0/1"]),
    ),
    bad("a cluster that does not log who came", "eks-logs", give("cluster", enabledClusterLogTypes=["api"])),
    bad("a cluster with secrets in clear", "eks-secrets-encrypted", change("cluster", "encryptionConfig")),
    bad(
        "a cluster whose ConfigMap decides",
        "eks-api-authentication",
        change("cluster", "accessConfig", "authenticationMode", to="API_AND_CONFIG_MAP"),
    ),
    bad(
        "another account administers the cluster",
        "eks-access-named",
        give("administrator", principalArn="arn:aws:iam::999999999999:role/x"),
    ),
    bad(
        "a whole account administers the cluster",
        "eks-access-named",
        give("administrator", principalArn=f"arn:aws:iam::{ACCOUNT}:root"),
    ),
    bad(
        "network policies that nothing enforces",
        "network-policy-enforced",
        change("network-plugin", "configurationValues"),
    ),
    bad("claims without tags", "volumes-tagged", give("storage-driver", configurationValues="{}")),
    bad(
        "two workloads with one role",
        "own-roles",
        give("detector-identity", roleArn=f"arn:aws:iam::{ACCOUNT}:role/api"),
    ),
    bad("a machine that takes logins", "no-logins", add(INSTANCE, keyName="k", **MACHINE)),
)
