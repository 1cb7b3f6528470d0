"""The stream that readings travel on."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from apps.platform.service import Consume, Need, Produce, Stream
from components.binding import Binding
from components.identity.encryption_key import EncryptionKey
from components.identity.iam import Statement
from components.identity.pod_identity import PodIdentity

PRODUCE = ("kinesis:PutRecord", "kinesis:PutRecords")
CONSUME = (
    "kinesis:DescribeStream",
    "kinesis:DescribeStreamSummary",
    "kinesis:GetRecords",
    "kinesis:GetShardIterator",
    "kinesis:ListShards",
)


@dataclass(frozen=True, slots=True)
class SensorStreamArgs:
    """Which stream, and how long records stay on it: 24 hours to a year."""

    stream: Stream
    region: str
    retention_hours: int
    key: EncryptionKey

    def __post_init__(self) -> None:
        if not 24 <= self.retention_hours <= 8760:
            raise ValueError(f"Kinesis keeps records for 24 to 8760 hours, not {self.retention_hours}")


class SensorStream(pulumi.ComponentResource):
    """An on-demand Kinesis stream, encrypted with a key of the account's own."""

    name: pulumi.Output[str]
    arn: pulumi.Output[str]

    def __init__(self, name: str, args: SensorStreamArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("sensor-analytics:stream:SensorStream", name, {}, opts)
        self._name, self._args = name, args
        stream = aws.kinesis.Stream(
            name,
            stream_mode_details=aws.kinesis.StreamStreamModeDetailsArgs(stream_mode="ON_DEMAND"),
            retention_period=args.retention_hours,
            encryption_type="KMS",
            kms_key_id=args.key.arn,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.name, self.arn = stream.name, stream.arn
        self.register_outputs({"name": self.name, "arn": self.arn})

    def grant_produce(self, to: PodIdentity) -> aws.iam.RolePolicy:
        """Let pods put records, which takes a data key."""
        statements = Statement(PRODUCE, [self.arn]), self._args.key.to_encrypt()
        return to.allow(f"produce-{self._name}", *statements)

    def grant_consume(self, to: PodIdentity) -> aws.iam.RolePolicy:
        """Let pods find the shards and read their records, which takes the key."""
        statements = Statement(CONSUME, [self.arn]), self._args.key.to_decrypt()
        return to.allow(f"consume-{self._name}", *statements)

    def bind(self, need: Need) -> Binding:
        """Return how a Produce or Consume of this stream is met."""
        region, name = self._args.stream.variables
        environment: dict[str, pulumi.Input[str]] = {region: self._args.region, name: self.name}
        match need:
            case Produce():
                return Binding(environment, self.grant_produce, calls_aws=True)
            case Consume():
                return Binding(environment, self.grant_consume, calls_aws=True)
        raise TypeError(f"a stream cannot meet {need}")
