"""A stream of records: Kinesis."""

from dataclasses import dataclass
from typing import ClassVar

import pulumi
import pulumi_aws as aws

from apps.platform.needs import Consume, Produce
from components.binding import Actions, Binding, Grant, Handlers
from components.component import Component
from components.data.config import StreamConfig
from components.identity.encryption_key import EncryptionKey, service
from components.identity.iam import Identity, Statement


@dataclass(frozen=True, slots=True)
class StreamArgs:
    """How long records stay on the stream, and what they are encrypted with."""

    config: StreamConfig
    region: str
    key: EncryptionKey


class Stream(Component):
    """What carries records from producers to consumers.

    Makes:

    - a Kinesis stream, on demand or with as many shards as asked for, encrypted with a key of the account's own
    """

    actions: ClassVar[Actions] = {
        Produce: ("kinesis:PutRecord", "kinesis:PutRecords"),
        Consume: (
            "kinesis:DescribeStream",
            "kinesis:DescribeStreamSummary",
            "kinesis:GetRecords",
            "kinesis:GetShardIterator",
            "kinesis:ListShards",
        ),
    }
    name: pulumi.Output[str]
    arn: pulumi.Output[str]

    def __init__(self, name: str, args: StreamArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._name, self._args, config = name, args, args.config
        stream = aws.kinesis.Stream(
            name,
            shard_count=config.shards,
            stream_mode_details=aws.kinesis.StreamStreamModeDetailsArgs(
                stream_mode="PROVISIONED" if config.shards else "ON_DEMAND"
            ),
            retention_period=config.retention_hours,
            encryption_type="KMS",
            kms_key_id=args.key.arn,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.name, self.arn = stream.name, stream.arn
        self.register_outputs({"name": self.name, "arn": self.arn})

    def grant_produce(self, to: Identity) -> aws.iam.RolePolicy:
        """Let pods put records, which takes a data key."""
        statements = Statement(self.actions[Produce], [self.arn]), self._args.key.to_encrypt(self._service)
        return to.allow(f"produce-{self._name}", *statements)

    def grant_consume(self, to: Identity) -> aws.iam.RolePolicy:
        """Let pods find the shards and read their records, which takes the key."""
        statements = Statement(self.actions[Consume], [self.arn]), self._args.key.to_decrypt(self._service)
        return to.allow(f"consume-{self._name}", *statements)

    @property
    def handlers(self) -> Handlers:
        """Return how its producers and consumers are met."""
        return {
            Produce: lambda need: self._bind(need, self.grant_produce),
            Consume: lambda need: self._bind(need, self.grant_consume),
        }

    @property
    def _service(self) -> str:
        return service("kinesis", self._args.region)

    def _bind(self, need: Produce | Consume, grant: Grant) -> Binding:
        region, name = need.resource.variables
        return Binding({region: self._args.region, name: self.name}, grant, calls_aws=True)
