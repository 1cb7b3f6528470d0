"""The archive: its bucket stays with the account, and all of it is one key of the environment's file."""

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

import boto3
import pytest

from apps.storage.archive.manifest import MANIFESTS, ArchivedFile, Manifest, folder
from apps.storage.archive.parquet import SCHEMA
from components.account.archive_queries import RESULTS
from components.data.config import ArchiveConfig
from delivery.recording import Graph, build
from stacks import environment
from stacks.config import load_environment
from stacks.retained import archive_bucket
from tests.stacks.stacks_under_test import account_graph, environment_config, environment_graph
from tests.support.kinesis import KinesisServer

BUCKET = archive_bucket("prod", "222222222222")
DAY = date(2026, 11, 25)
CONFIGURATION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"


def variables(graph: Graph, name: str) -> dict[str, Any]:
    spec = graph.one("CronJob", name).inputs["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return {variable["name"]: variable["value"] for variable in spec["containers"][0]["env"]}


def test_without_its_key_nothing_of_it_is_there_and_months_are_dropped_as_ever() -> None:
    config = environment_config("dev").model_copy(update={"archive": None})
    graph = build(lambda: environment.deploy(config, "dev"), stack="dev")
    assert not [resource for resource in graph.resources if "archive" in resource.name]
    assert variables(graph, "partitions")["ARCHIVE_ENABLED"] == "false"
    api = graph.one("Deployment", "api").inputs["spec"]["template"]["spec"]["containers"][0]
    assert "ARCHIVE_BUCKET" not in {variable["name"] for variable in api["env"]}
    assert not [resource for resource in graph.of("RolePolicy") if resource.name.endswith("read-files")]
    assert load_environment("dev").archive is None
    assert not [resource for resource in account_graph("bootstrap").of("Bucket") if "archive" in resource.name]


def test_with_its_key_it_writes_into_the_bucket_that_the_account_keeps() -> None:
    graph = environment_graph("prod")
    assert variables(graph, "archive")["ARCHIVE_BUCKET"] == BUCKET
    assert variables(graph, "partitions")["ARCHIVE_ENABLED"] == "true"
    resource = account_graph("bootstrap-prod").one("aws:s3/bucket:Bucket", "prod-archive")
    assert resource.inputs["bucket"] == BUCKET
    assert resource.protect


def test_the_bucket_is_encrypted_with_the_environments_key_and_grows_colder() -> None:
    graph = account_graph("bootstrap-prod")
    (rule,) = graph.one(CONFIGURATION, "prod-archive").inputs["rules"]
    key = graph.one("aws:kms/key:Key", "prod")
    assert rule["applyServerSideEncryptionByDefault"]["kmsMasterKeyId"] == key.outputs["arn"]
    rules = graph.one("BucketLifecycleConfiguration", "prod-archive").inputs["rules"]
    colder = {rule["id"]: rule for rule in rules}["colder"]
    # Both classes answer at once: what is read through the API must not be asked for hours before.
    assert [(transition["days"], transition["storageClass"]) for transition in colder["transitions"]] == [
        (90, "GLACIER_IR")
    ]


@pytest.mark.parametrize(("stack", "account"), [("prod", "bootstrap-prod")])
def test_the_roles_of_an_environment_reach_its_own_archive_alone(stack: str, account: str) -> None:
    (boundary,) = [resource for resource in account_graph(account).of("Policy") if resource.name == f"{stack}-boundary"]
    statements = json.loads(boundary.inputs["policy"])["Statement"]
    s3 = [statement for statement in statements if any(action.startswith("s3:") for action in statement["Action"])]
    assert [statement["Resource"] for statement in s3] == [[f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]]


def test_sql_over_the_archive_reads_its_files_as_they_are_written() -> None:
    graph = account_graph("bootstrap-prod")
    tables = {resource.inputs["name"]: resource.inputs for resource in graph.of("CatalogTable")}
    assert tables.keys() == {"readings", "readings_by_kind", "manifests"}
    columns = {
        name: {column["name"]: column["type"] for column in table["storageDescriptor"]["columns"]}
        for name, table in tables.items()
    }
    of_arrow = {"string": "string", "timestamp[us, tz=UTC]": "timestamp", "double": "double"}
    written = {field.name: of_arrow[str(field.type)] for field in SCHEMA}
    assert columns["readings"] == columns["readings_by_kind"] == written
    assert list(columns["manifests"]) == list(Manifest.__struct_fields__)
    files = columns["manifests"]["files"].removeprefix("array<struct<").removesuffix(">>")
    assert [file_field.partition(":")[0] for file_field in files.split(",")] == list(ArchivedFile.__struct_fields__)
    for name, key in (("readings", f"{folder(DAY)}"), ("readings_by_kind", f"{folder(DAY)}kind=pump/")):
        template = tables[name]["parameters"]["storage.location.template"]
        assert template.replace("${day}", str(DAY)).replace("${kind}", "pump") == f"s3://{BUCKET}/{key}"
    assert tables["manifests"]["storageDescriptor"]["location"] == f"s3://{BUCKET}/{MANIFESTS}"


def test_a_question_reads_so_much_and_its_answer_is_encrypted_and_goes() -> None:
    graph = account_graph("bootstrap-prod")
    config = graph.one("aws:athena/workgroup:Workgroup", "prod-queries").inputs["configuration"]
    assert config["enforceWorkgroupConfiguration"] is True
    assert config["bytesScannedCutoffPerQuery"] == 20 * 1024**3
    answers = config["resultConfiguration"]
    assert answers["outputLocation"] == f"s3://{BUCKET}/{RESULTS}"
    assert answers["encryptionConfiguration"] == {
        "encryptionOption": "SSE_KMS",
        "kmsKeyArn": graph.one("aws:kms/key:Key", "prod").outputs["arn"],
    }
    rules = graph.one("BucketLifecycleConfiguration", "prod-archive").inputs["rules"]
    (gone,) = [rule for rule in rules if rule["filter"]["prefix"] == RESULTS]
    assert gone["expiration"] == {"days": 7}


def test_who_may_ask_reads_the_archive_and_writes_answers_alone() -> None:
    (policy,) = [policy for policy in account_graph("bootstrap-prod").of("Policy") if policy.name == "prod-queries"]
    allowed = {
        (action, resource)
        for statement in json.loads(policy.inputs["policy"])["Statement"]
        for action in statement["Action"]
        for resource in statement["Resource"]
    }
    assert not [permission for permission in allowed if permission[1] == "*"]
    writes = {permission for permission in allowed if permission[0] in {"s3:PutObject", "s3:AbortMultipartUpload"}}
    assert {resource for _, resource in writes} == {f"arn:aws:s3:::{BUCKET}/{RESULTS}*"}
    assert not [action for action, _ in allowed if "Delete" in action or action.startswith("glue:Create")]


def test_without_its_key_nobody_asks_in_sql() -> None:
    assert load_environment("dev").archive is None
    assert not account_graph("bootstrap").of("CatalogTable")
    assert ArchiveConfig().athena is None


def test_s3_takes_the_lifecycle_rules_and_says_them_back(ministack: KinesisServer) -> None:
    """An emulator moves no file to a colder class: what it shows is that the rules are such as S3 takes."""
    declared = account_graph("bootstrap-prod").one("BucketLifecycleConfiguration", "prod-archive").inputs["rules"]
    rules = [_as_s3_has_it(rule) for rule in declared]
    s3 = boto3.client("s3", endpoint_url=ministack.url, region_name="eu-west-1")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": rules})
    stored = s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
    assert sorted(stored, key=lambda rule: rule["ID"]) == sorted(rules, key=lambda rule: rule["ID"])


def _as_s3_has_it(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {"ID" if key == "id" else key[0].upper() + key[1:]: _as_s3_has_it(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_as_s3_has_it(inner) for inner in value]
    # Pulumi records every number as a float.
    return int(value) if isinstance(value, float) else value
