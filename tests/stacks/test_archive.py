"""The archive: its bucket stays with the account, and all of it is one key of the environment's file."""

import json
from typing import Any

import pytest

from delivery.recording import Graph, build
from stacks import environment
from stacks.config import load_environment
from stacks.retained import archive_bucket
from tests.stacks.stacks_under_test import account_graph, environment_config, environment_graph

BUCKET = archive_bucket("prod", "222222222222")
CONFIGURATION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"


def variables(graph: Graph, name: str) -> dict[str, Any]:
    spec = graph.one("CronJob", name).inputs["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return {each["name"]: each["value"] for each in spec["containers"][0]["env"]}


def test_without_its_key_nothing_of_it_is_there_and_months_are_dropped_as_ever() -> None:
    config = environment_config("dev").model_copy(update={"archive": None})
    graph = build(lambda: environment.deploy(config, "dev"), stack="dev")
    assert not [made for made in graph.resources if "archive" in made.name]
    assert variables(graph, "partitions")["ARCHIVE_ENABLED"] == "false"
    assert load_environment("dev").archive is None
    assert not [made for made in account_graph("bootstrap").of("Bucket") if "archive" in made.name]


def test_with_its_key_it_writes_into_the_bucket_that_the_account_keeps() -> None:
    graph = environment_graph("prod")
    assert variables(graph, "archive")["ARCHIVE_BUCKET"] == BUCKET
    assert variables(graph, "partitions")["ARCHIVE_ENABLED"] == "true"
    made = account_graph("bootstrap-prod").one("aws:s3/bucket:Bucket", "prod-archive")
    assert made.inputs["bucket"] == BUCKET
    assert made.protect


def test_the_bucket_is_encrypted_with_the_environments_key_and_grows_colder() -> None:
    graph = account_graph("bootstrap-prod")
    (rule,) = graph.one(CONFIGURATION, "prod-archive").inputs["rules"]
    key = graph.one("aws:kms/key:Key", "prod")
    assert rule["applyServerSideEncryptionByDefault"]["kmsMasterKeyId"] == key.outputs["arn"]
    rules = graph.one("BucketLifecycleConfiguration", "prod-archive").inputs["rules"]
    colder = {rule["id"]: rule for rule in rules}["colder"]
    # Both classes answer at once: what is read through the API must not be asked for hours before.
    assert [(each["days"], each["storageClass"]) for each in colder["transitions"]] == [(90, "GLACIER_IR")]


@pytest.mark.parametrize(("stack", "account"), [("prod", "bootstrap-prod")])
def test_the_roles_of_an_environment_reach_its_own_archive_alone(stack: str, account: str) -> None:
    (boundary,) = [made for made in account_graph(account).of("Policy") if made.name == f"{stack}-boundary"]
    statements = json.loads(boundary.inputs["policy"])["Statement"]
    s3 = [each for each in statements if any(action.startswith("s3:") for action in each["Action"])]
    assert [each["Resource"] for each in s3] == [[f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]]
