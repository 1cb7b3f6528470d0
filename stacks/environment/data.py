"""Data: the stream, the database (open to the pods' security group alone) and secrets without values."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from apps.platform.resources import Secret
from apps.resources import OPERATOR_TOKEN, SENSORS, SIGNING_KEYS
from components.data.database import Database, DatabaseArgs
from components.data.managed_secret import ManagedSecret, ManagedSecretArgs
from components.data.stream import Stream, StreamArgs
from components.observability.monitoring import SLACK
from stacks.config import EnvironmentConfig
from stacks.environment.foundation import Foundation


@dataclass(frozen=True, slots=True)
class Data:
    """What keeps readings and secrets."""

    stream: Stream
    database: Database
    signing_keys: ManagedSecret
    operator_token: ManagedSecret
    slack_url: ManagedSecret

    @property
    def secrets(self) -> Mapping[Secret, ManagedSecret]:
        """The secrets that services make and read."""
        return {SIGNING_KEYS: self.signing_keys, OPERATOR_TOKEN: self.operator_token}


def make_data(config: EnvironmentConfig, foundation: Foundation, opts: pulumi.ResourceOptions) -> Data:
    """Declare what keeps readings and secrets."""
    network = foundation.network
    database = Database(
        "database",
        DatabaseArgs(
            config=config.database,
            db_name=SENSORS.name,
            account=config.account,
            region=config.region,
            vpc_id=network.vpc_id,
            subnet_ids=network.private_subnet_ids,
            subnet_cidrs=network.private_cidrs,
            key=foundation.data_key,
            secrets_key=foundation.secrets_key,
            allowed_groups={"cluster": foundation.cluster.security_group_id},
            protected=config.protected,
        ),
        opts,
    )
    stream = Stream(
        "readings",
        StreamArgs(config.stream, config.region, foundation.data_key),
        opts,
    )
    # As long as the key that they are encrypted with waits for its deletion.
    days = 30 if config.database.final_snapshot else 0
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
