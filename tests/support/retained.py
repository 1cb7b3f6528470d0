"""What the account's stack keeps for an environment, made in an emulator of AWS without that stack."""

from stacks.retained import retained_names
from tests.support.aws_emulator import Emulator


def make(aws: Emulator, environment: str) -> None:
    """Make the key, the secrets and the log groups of an environment, by the names that its stack looks for."""
    names, kms = retained_names(environment), aws.client("kms")
    key = kms.create_key(Description=f"data, secrets and logs of {environment}")["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=f"alias/{names.key}", TargetKeyId=key)
    for name in names.secrets.values():
        aws.client("secretsmanager").create_secret(Name=name, KmsKeyId=key)
    for name in names.log_groups:
        aws.client("logs").create_log_group(logGroupName=name)
