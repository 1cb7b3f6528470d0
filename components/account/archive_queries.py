"""SQL over the archive of an environment: tables that describe its files to Athena, and who may ask."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import pulumi
import pulumi_aws as aws

from components.account.config import AthenaConfig
from components.component import Component
from components.identity.encryption_key import EncryptionKey, service
from components.identity.iam import Statement, policy

RESULTS = "queries/"
"""Where in the archive's bucket answers lie for some days."""

READING: Mapping[str, str] = {
    "device_id": "string",
    "metric": "string",
    "ts": "timestamp",
    "value": "double",
    "received_at": "timestamp",
    "stored_at": "timestamp",
}
FILE = "struct<key:string,kind:string,rows:bigint,bytes:bigint,first_device:string,last_device:string>"
MANIFEST: Mapping[str, str] = {
    "day": "string",
    "version": "int",
    "rows": "bigint",
    "series": "bigint",
    "sum": "double",
    "min_value": "double",
    "max_value": "double",
    "written_at": "string",
    "files": f"array<{FILE}>",
    "schema_version": "int",
}
"""Columns as `apps.storage.archive` writes them; a test compares."""

FIRST_DAY = "2020-01-01"
GIB = 1024**3


@dataclass(frozen=True, slots=True)
class ArchiveQueriesArgs:
    """The bucket of an archive, the key of its files, and how much one question may read."""

    config: AthenaConfig
    name: str
    account: str
    region: str
    bucket: str
    key_arn: pulumi.Input[str]

    @property
    def database(self) -> str:
        """The name of the database as SQL takes it without quotes."""
        return self.name.replace("-", "_")


class ArchiveQueries(Component):
    """What asks the archive in SQL. Nothing of it costs anything until somebody asks.

    Makes:

    - a database of the Glue catalogue with three tables: `readings` by day, `readings_by_kind` by day and the kind that
      a question must name, and `manifests`, which say which files are a day; days are computed, no crawler looks
    - an Athena workgroup: its answers are encrypted and gone after some days, a question that reads more than it may is
      ended
    - a policy for the roles of those who may ask: this workgroup, these tables, this bucket, nothing else
    """

    def __init__(self, name: str, args: ArchiveQueriesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        child = pulumi.ResourceOptions(parent=self)
        database = aws.glue.CatalogDatabase(
            name,
            name=args.database,
            description="The archive: read by what the manifests name (docs/archive.md)",
            opts=child,
        )
        for table in _tables(args.bucket):
            _make(f"{name}-{table.name.replace('_', '-')}", table, database, self)
        aws.athena.Workgroup(
            name,
            name=args.name,
            description=f"SQL over {args.bucket}",
            # Its history of questions must not keep it from being switched off.
            force_destroy=True,
            configuration=aws.athena.WorkgroupConfigurationArgs(
                enforce_workgroup_configuration=True,
                publish_cloudwatch_metrics_enabled=True,
                bytes_scanned_cutoff_per_query=args.config.max_scanned_gib * GIB,
                engine_version=aws.athena.WorkgroupConfigurationEngineVersionArgs(
                    selected_engine_version="Athena engine version 3"
                ),
                result_configuration=aws.athena.WorkgroupConfigurationResultConfigurationArgs(
                    output_location=f"s3://{args.bucket}/{RESULTS}",
                    expected_bucket_owner=args.account,
                    encryption_configuration=aws.athena.WorkgroupConfigurationResultConfigurationEncryptionConfigurationArgs(
                        encryption_option="SSE_KMS", kms_key_arn=args.key_arn
                    ),
                ),
            ),
            opts=child,
        )
        aws.iam.Policy(
            name,
            name=f"{args.name}-query",
            description=f"To ask the archive {args.bucket} in SQL: attach it to the roles of those who may",
            policy=policy(*_asks(args)),
            opts=child,
        )
        self.register_outputs({})


def _tables(bucket: str) -> tuple["_Table", ...]:
    readings = f"s3://{bucket}/readings/"
    of_day, of_kind = f"{readings}day=${{day}}/", "kind=${kind}/"
    days = {
        "projection.enabled": "true",
        "projection.day.type": "date",
        "projection.day.format": "yyyy-MM-dd",
        "projection.day.range": f"{FIRST_DAY},NOW",
        "storage.location.template": of_day,
    }
    # Kinds are whatever people call them: a list of them here would leave out the next one.
    kinds = days | {"projection.kind.type": "injected", "storage.location.template": of_day + of_kind}
    return (
        _Table("readings", READING, readings, PARQUET, ("day",), days),
        _Table("readings_by_kind", READING, readings, PARQUET, ("day", "kind"), kinds),
        _Table("manifests", MANIFEST, f"s3://{bucket}/manifests/", JSON),
    )


class _Format(NamedTuple):
    """What Hive reads and writes files with."""

    name: str
    input: str
    output: str
    serde: str


_HIVE = "org.apache.hadoop.hive.ql.io"
PARQUET = _Format(
    "parquet",
    f"{_HIVE}.parquet.MapredParquetInputFormat",
    f"{_HIVE}.parquet.MapredParquetOutputFormat",
    f"{_HIVE}.parquet.serde.ParquetHiveSerDe",
)
JSON = _Format(
    "json",
    "org.apache.hadoop.mapred.TextInputFormat",
    f"{_HIVE}.HiveIgnoreKeyTextOutputFormat",
    "org.openx.data.jsonserde.JsonSerDe",
)


class _Table(NamedTuple):
    name: str
    columns: Mapping[str, str]
    location: str
    format: _Format
    partitions: tuple[str, ...] = ()
    projection: Mapping[str, str] = MappingProxyType({})


def _make(name: str, table: _Table, database: aws.glue.CatalogDatabase, parent: pulumi.Resource) -> None:
    aws.glue.CatalogTable(
        name,
        name=table.name,
        database_name=database.name,
        table_type="EXTERNAL_TABLE",
        parameters={"EXTERNAL": "TRUE", "classification": table.format.name, **table.projection},
        partition_keys=[aws.glue.CatalogTablePartitionKeyArgs(name=key, type="string") for key in table.partitions],
        storage_descriptor=aws.glue.CatalogTableStorageDescriptorArgs(
            location=table.location,
            input_format=table.format.input,
            output_format=table.format.output,
            columns=[
                aws.glue.CatalogTableStorageDescriptorColumnArgs(name=column, type=kind)
                for column, kind in table.columns.items()
            ],
            ser_de_info=aws.glue.CatalogTableStorageDescriptorSerDeInfoArgs(serialization_library=table.format.serde),
        ),
        opts=pulumi.ResourceOptions(parent=parent),
    )


def _asks(args: ArchiveQueriesArgs) -> tuple[Statement, ...]:
    """Return what it takes to ask, and no more."""
    bucket, of = f"arn:aws:s3:::{args.bucket}", f"{args.region}:{args.account}"
    glue = f"arn:aws:glue:{of}"
    key, through = EncryptionKey(args.key_arn), service("s3", args.region)
    return (
        Statement(
            (
                "athena:BatchGetQueryExecution",
                "athena:GetQueryExecution",
                "athena:GetQueryResults",
                "athena:GetQueryResultsStream",
                "athena:GetWorkGroup",
                "athena:ListQueryExecutions",
                "athena:StartQueryExecution",
                "athena:StopQueryExecution",
            ),
            [f"arn:aws:athena:{of}:workgroup/{args.name}"],
            sid="Ask",
        ),
        Statement(
            ("glue:GetDatabase", "glue:GetDatabases", "glue:GetPartitions", "glue:GetTable", "glue:GetTables"),
            [f"{glue}:catalog", f"{glue}:database/{args.database}", f"{glue}:table/{args.database}/*"],
            sid="SeeTables",
        ),
        Statement(("s3:GetBucketLocation", "s3:ListBucket"), [bucket], sid="SeeFiles"),
        Statement(
            ("s3:GetObject",),
            [f"{bucket}/{folder}*" for folder in ("manifests/", "readings/", RESULTS)],
            sid="ReadFiles",
        ),
        Statement(("s3:AbortMultipartUpload", "s3:PutObject"), [f"{bucket}/{RESULTS}*"], sid="KeepAnswers"),
        key.to_encrypt(through),
        key.to_decrypt(through),
    )
