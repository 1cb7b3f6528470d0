"""What the account's stack keeps for an environment, made in an emulator of AWS without that stack."""

import boto3
from botocore.config import Config

from stacks.retained import archive_bucket, retained_names
from tests.support.aws_emulator import REGION, Emulator


def make(aws: Emulator, environment: str) -> None:
    """Make the key, the secrets, the log groups and the archive of an environment, by the names that its stack looks
    for."""
    names, kms = retained_names(environment), aws.client("kms")
    key = kms.create_key(Description=f"data, secrets and logs of {environment}")["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=f"alias/{names.key}", TargetKeyId=key)
    for name in names.secrets.values():
        aws.client("secretsmanager").create_secret(Name=name, KmsKeyId=key)
    for name in names.log_groups:
        aws.client("logs").create_log_group(logGroupName=name)
    by_path = Config(s3={"addressing_style": "path"})
    s3 = boto3.client(
        "s3",
        region_name=REGION,
        endpoint_url=aws.url,
        aws_access_key_id=aws.account,
        aws_secret_access_key="rehearsal",
        config=by_path,
    )
    s3.create_bucket(
        Bucket=archive_bucket(environment, aws.account), CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
