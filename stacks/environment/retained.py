"""Retained: what the account's stack, or a person, keeps for the environment, found by name before anything is made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import pulumi
import pulumi_aws as aws

from apps.platform.resources import Secret
from components.data.database import FINAL
from components.data.managed_secret import ManagedSecret
from components.identity.encryption_key import EncryptionKey
from components.network.network import flow_log_group
from stacks.config import PROJECT, EnvironmentConfig
from stacks.errors import LoginSecretError, RetainedMissingError
from stacks.retained import SECRETS, archive_bucket, name_of, retained_names


@dataclass(frozen=True, slots=True)
class Retained:
    """What is there before the environment and stays after it."""

    key: EncryptionKey
    secrets: Mapping[Secret, ManagedSecret]
    flow_log_group_arn: str
    archive_bucket: str | None
    """None: the environment has no archive."""
    last_snapshot: str | None
    """Of the database, if it shall come back with it and has left one."""


def check_login(config: EnvironmentConfig, stack: str, provider: aws.Provider) -> None:
    """See that the secret of the login is there, and where the deploy role may read it. Raises LoginSecretError."""
    if config.ingress.login is None:
        return
    name = config.ingress.login.client_secret_name
    if not name.startswith(readable := f"{PROJECT}/{stack}/login"):
        raise LoginSecretError(name, f"the role that deploys reads those alone whose name begins with {readable}")
    try:
        _secret(name, pulumi.InvokeOptions(provider=provider))
    except Exception as error:  # noqa: BLE001 as below
        raise LoginSecretError(name, str(error)) from None


def find_retained(config: EnvironmentConfig, stack: str, provider: aws.Provider) -> Retained:
    """Return what the account's stack keeps for an environment. Raises RetainedMissingError, which names what lacks."""
    names, opts = retained_names(stack), pulumi.InvokeOptions(provider=provider)
    lookups: dict[str, Callable[[], str]] = {f"key alias/{names.key}": partial(_key, names.key, opts)}
    lookups |= {f"secret {name}": partial(_secret, name, opts) for name in names.secrets.values()}
    lookups |= {f"log group {name}": partial(_log_group, name, opts) for name in names.log_groups}
    bucket = archive_bucket(stack, config.account) if config.archive else None
    if bucket:
        lookups[f"bucket {bucket}"] = partial(_bucket, bucket, opts)
    found, missing = {}, {}
    for what, lookup in lookups.items():
        try:
            found[what] = lookup()
        # The provider has no error of its own for what is not there: whatever it says is told.
        except Exception as error:  # noqa: BLE001
            missing[what] = str(error)
    if missing:
        raise RetainedMissingError(stack, config.account, missing)
    key = EncryptionKey(found[f"key alias/{names.key}"])
    return Retained(
        key,
        {
            secret: ManagedSecret(secret, found[f"secret {names.secrets[secret.name]}"], config.region, key)
            for secret in SECRETS
        },
        found[f"log group {flow_log_group(name_of(stack))}"],
        bucket,
        _last_snapshot(name_of(stack), opts) if config.database.restore_latest else None,
    )


def _key(alias: str, opts: pulumi.InvokeOptions) -> str:
    return aws.kms.get_key(key_id=f"alias/{alias}", opts=opts).arn


def _secret(name: str, opts: pulumi.InvokeOptions) -> str:
    return aws.secretsmanager.get_secret(name=name, opts=opts).arn


def _log_group(name: str, opts: pulumi.InvokeOptions) -> str:
    return aws.cloudwatch.get_log_group(name=name, opts=opts).arn


def _bucket(name: str, opts: pulumi.InvokeOptions) -> str:
    return aws.s3.get_bucket(bucket=name, opts=opts).bucket


def _last_snapshot(database: str, opts: pulumi.InvokeOptions) -> str | None:
    left = aws.rds.get_snapshots(db_instance_identifier=database, snapshot_type="manual", opts=opts).snapshots
    finished = [
        snapshot
        for snapshot in left
        if snapshot.db_snapshot_identifier.endswith(FINAL) and snapshot.status == "available"
    ]
    if not finished:
        pulumi.log.info(f"{database} begins empty: it has left no snapshot yet")
        return None
    newest = max(finished, key=lambda snapshot: snapshot.snapshot_create_time).db_snapshot_identifier
    pulumi.log.info(f"{database} begins with its snapshot {newest}, if it is not there yet")
    return newest
