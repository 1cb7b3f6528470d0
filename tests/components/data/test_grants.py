"""What a grant gives, and to what alone."""

import json
from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from apps.platform.needs import Connect, HttpCall, Need, OwnDatabase, Produce, ReadSecret
from apps.resources import PROMETHEUS, READINGS, SENSORS, SIGNING_KEYS
from components.binding import EgressTarget, Provider, bind
from components.data.config import DatabaseConfig, StreamConfig
from components.data.database import Database, DatabaseArgs
from components.data.file_store import FileStore
from components.data.managed_secret import ManagedSecret
from components.data.stream import Stream, StreamArgs
from delivery.recording import ACCOUNT, REGION, build
from tests.components import parts


def stream(**changes: Any) -> Stream:
    return Stream("readings", StreamArgs(StreamConfig(**changes), REGION, parts.key()))


def database(**changes: Any) -> Database:
    wired = {key: changes.pop(key) for key in ("protected", "allowed_groups") if key in changes}
    args = DatabaseArgs(
        config=DatabaseConfig(**changes),
        db_name=SENSORS.name,
        account=ACCOUNT,
        region=REGION,
        vpc_id="vpc-1",
        subnet_ids=["subnet-3", "subnet-4"],
        subnet_cidrs=("10.0.0.0/18",),
        key=parts.key(),
        identifier="try",
        **wired,
    )
    return Database("database", args)


def secret() -> ManagedSecret:
    return ManagedSecret(SIGNING_KEYS, f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:keys", REGION, parts.key())


def files() -> FileStore:
    return FileStore("archive", REGION, parts.key(), EgressTarget(443, ("0.0.0.0/0",)))


def granted(program: Callable[[], object]) -> dict[tuple[str, ...], list[str]]:
    """Statements of the only policy: actions -> resources."""
    policy = build(program).one("aws:iam/rolePolicy:RolePolicy").inputs["policy"]
    return {tuple(s["Action"]): s["Resource"] for s in json.loads(policy)["Statement"]}


def test_a_producer_puts_records_and_nothing_else() -> None:
    assert granted(lambda: stream().grant_produce(parts.identity())) == {
        ("kinesis:PutRecord", "kinesis:PutRecords"): [f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/readings"],
        ("kms:GenerateDataKey",): [f"arn:aws:kms:{REGION}:{ACCOUNT}:key/key"],
    }


def test_a_consumer_finds_shards_and_decrypts_what_it_reads() -> None:
    (reading, decrypting) = granted(lambda: stream().grant_consume(parts.identity())).items()
    assert set(reading[0]) == {
        "kinesis:DescribeStream",
        "kinesis:DescribeStreamSummary",
        "kinesis:GetRecords",
        "kinesis:GetShardIterator",
        "kinesis:ListShards",
    }
    assert decrypting == (("kms:Decrypt",), [f"arn:aws:kms:{REGION}:{ACCOUNT}:key/key"])


def test_who_keeps_files_uses_one_bucket_and_its_own_objects() -> None:
    (listing, objects, *with_key) = granted(lambda: files().grant_keep(parts.identity())).items()
    assert listing == (("s3:ListBucket",), ["arn:aws:s3:::archive"])
    assert set(objects[0]) == {"s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"}
    assert objects[1] == ["arn:aws:s3:::archive/*"]
    assert [actions for actions, _ in with_key] == [("kms:GenerateDataKey",), ("kms:Decrypt",)]


def test_a_key_is_used_through_the_service_alone_that_holds_what_it_protects() -> None:
    """One key protects an environment's data and secrets: whoever reads the stream must not open secrets with it."""
    for grant, through in (
        (lambda: stream().grant_consume(parts.identity()), "kinesis"),
        (lambda: stream().grant_produce(parts.identity()), "kinesis"),
        (lambda: secret().grant_rotate(parts.identity()), "secretsmanager"),
        (lambda: files().grant_keep(parts.identity()), "s3"),
    ):
        policy = json.loads(build(grant).one("aws:iam/rolePolicy:RolePolicy").inputs["policy"])
        with_key = [s for s in policy["Statement"] if s["Action"][0].startswith("kms:")]
        assert with_key
        for statement in with_key:
            assert statement["Condition"] == {"StringEquals": {"kms:ViaService": [f"{through}.{REGION}.amazonaws.com"]}}


def test_a_database_user_is_named_not_patterned() -> None:
    assert granted(lambda: database().grant_connect(parts.identity(), "ingestor")) == {
        ("rds-db:connect",): [f"arn:aws:rds-db:{REGION}:{ACCOUNT}:dbuser:db-EXAMPLE/ingestor"]
    }


def test_the_database_is_closed_until_a_group_is_let_in() -> None:
    assert build(database).of("SecurityGroupIngressRule") == []
    (rule,) = build(lambda: database(allowed_groups={"cluster": "sg-1"})).of("SecurityGroupIngressRule")
    assert (rule.inputs["fromPort"], rule.inputs["toPort"], rule.inputs["referencedSecurityGroupId"]) == (
        5432,
        5432,
        "sg-1",
    )


@pytest.mark.parametrize(
    ("make", "wrong", "says"),
    [
        (stream, {"retention_hours": 23}, r"retention_hours\n.* greater than or equal to 24"),
        (database, {"protected": True}, "at least 7 days, not 1"),
        (database, {"protected": True, "backup_days": 7}, "leaves a final snapshot"),
    ],
)
def test_an_impossible_argument_is_refused(
    make: Callable[..., pulumi.ComponentResource], wrong: dict[str, Any], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        build(lambda: make(**wrong))


@pytest.mark.parametrize(
    ("make", "need"),
    [
        (stream, ReadSecret(SIGNING_KEYS)),
        (stream, HttpCall(PROMETHEUS)),
        (database, Produce(READINGS)),
        (secret, Connect(SENSORS, "api", {"devices": "SELECT"})),
        pytest.param(database, OwnDatabase(SENSORS), id="a database whose owner's password nobody mounts"),
        pytest.param(secret, ReadSecret(SIGNING_KEYS), id="a secret that nobody syncs into the cluster"),
    ],
)
def test_a_need_of_another_kind_is_refused(make: Callable[[], Provider], need: Need) -> None:
    with pytest.raises(TypeError, match="cannot meet"):
        build(lambda: bind([need], {need.resource: make()}))
