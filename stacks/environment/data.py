"""Data: the stream, and the database, open to the pods' security group alone."""

from dataclasses import dataclass

import pulumi

from apps.resources import SENSORS
from components.data.database import Database, DatabaseArgs
from components.data.stream import Stream, StreamArgs
from stacks.config import EnvironmentConfig
from stacks.environment.foundation import Foundation
from stacks.environment.retained import Retained
from stacks.retained import name_of


@dataclass(frozen=True, slots=True)
class Data:
    """What keeps readings."""

    stream: Stream
    database: Database


def make_data(
    config: EnvironmentConfig, stack: str, retained: Retained, foundation: Foundation, opts: pulumi.ResourceOptions
) -> Data:
    """Declare what keeps readings."""
    network = foundation.network
    database = Database(
        "database",
        DatabaseArgs(
            config=config.database,
            identifier=name_of(stack),
            db_name=SENSORS.name,
            account=config.account,
            region=config.region,
            vpc_id=network.vpc_id,
            subnet_ids=network.private_subnet_ids,
            subnet_cidrs=network.private_cidrs,
            key=retained.key,
            snapshot=retained.last_snapshot,
            allowed_groups={"cluster": foundation.cluster.security_group_id},
            protected=config.protected,
        ),
        opts,
    )
    return Data(Stream("readings", StreamArgs(config.stream, config.region, retained.key), opts), database)
