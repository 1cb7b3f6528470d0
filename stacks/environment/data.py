"""Data: the stream, the database (open to the pods' security group alone) and secrets without values."""

from dataclasses import dataclass

import pulumi

from apps.platform.service import OPERATOR_TOKEN, READINGS, SENSORS, SIGNING_KEYS, Secret
from components.data.database import Database, DatabaseArgs
from components.data.managed_secret import ManagedSecret, ManagedSecretArgs
from components.data.sensor_stream import SensorStream, SensorStreamArgs
from components.observability.monitoring import SLACK
from stacks.config import EnvironmentConfig
from stacks.environment.foundation import Foundation


@dataclass(frozen=True, slots=True)
class Data:
    """What keeps readings and secrets."""

    stream: SensorStream
    database: Database
    signing_keys: ManagedSecret
    operator_token: ManagedSecret
    slack_url: ManagedSecret


def make_data(config: EnvironmentConfig, foundation: Foundation, opts: pulumi.ResourceOptions) -> Data:
    """Declare what keeps readings and secrets."""
    network, sizes = foundation.network, config.database
    database = Database(
        "database",
        DatabaseArgs(
            database=SENSORS,
            account=config.account,
            region=config.region,
            vpc_id=network.vpc_id,
            subnet_ids=network.private_subnet_ids,
            subnet_cidrs=network.private_cidrs,
            instance_class=sizes.instance_class,
            storage_gib=sizes.storage_gib,
            standby=sizes.standby,
            replica=sizes.replica,
            backup_days=sizes.backup_days,
            protected=config.protected,
            final_snapshot=sizes.final_snapshot,
            key=foundation.data_key,
            secrets_key=foundation.secrets_key,
        ),
        opts,
    )
    database.allow_from("cluster", foundation.cluster.security_group_id)
    stream = SensorStream(
        "readings",
        SensorStreamArgs(READINGS, config.region, config.stream.retention_hours, foundation.data_key),
        opts,
    )
    days = 30 if config.protected else 0
    key = foundation.secrets_key
    return Data(
        stream,
        database,
        ManagedSecret(
            "signing-keys",
            ManagedSecretArgs(SIGNING_KEYS, "Keys that upload URLs are signed with", config.region, key, days),
            opts,
        ),
        ManagedSecret(
            "operator-token",
            ManagedSecretArgs(OPERATOR_TOKEN, "Bearer token that writes to the API need", config.region, key, days),
            opts,
        ),
        ManagedSecret(
            SLACK,
            ManagedSecretArgs(Secret(SLACK), "Incoming webhook that alerts are sent to", config.region, key, days),
            opts,
        ),
    )
