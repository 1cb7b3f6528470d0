"""docs/recovery.md on the real AWS provider: a stack goes on with a database that was restored to a point in time.

The command line of AWS is real, and asks an emulator of AWS; what the database holds is seen elsewhere, on a real
PostgreSQL (`tests/platform/test_disaster_recovery.py`).
"""

import json
import shutil
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import pulumi.automation as auto
import pytest

from stacks.config import read_stack_file
from tests.engine.conftest import Harness
from tests.support import engine, policy_pack, retained
from tests.support.aws_emulator import Emulator
from tests.support.documents import commands
from tests.support.engine import changes, destroy

LACKING = [*engine.missing_with_aws(), *(name for name in ("aws", "bash", "jq") if shutil.which(name) is None)]

pytestmark = [
    pytest.mark.engine,
    pytest.mark.slow,
    pytest.mark.timeout(2400),
    pytest.mark.skipif(bool(LACKING), reason=f"not on PATH: {', '.join(LACKING)}"),
]

PACKS = [str(policy_pack.PACK)]
NAME = "sensor-analytics-dev"
WRITERS = ("api", "ingestor", "notifier", "rules")


def test_a_stack_goes_on_with_the_database_that_was_restored(harness: Harness, kubeconfig: Path, mirror: Path) -> None:
    config = read_stack_file("dev", "environment")
    aws, rehearsal = harness(config, kubeconfig)
    retained.make(aws, "dev")
    # The provider that is rehearsed with is older than the one that is locked, and lists no snapshots.
    empty = {**config["database"], "restore_latest": False}
    config |= {"charts": {"mirror": str(mirror)}, "emulator": aws.url, "database": empty}
    stack, ask = rehearsal.stack("dev", "environment", config), partial(kubectl, kubeconfig)
    stack.up()
    lost, migrated = instance(aws, NAME), jobs_of(ask, "migration")

    page = partial(commands, "recovery.md")
    rehearsal.type(stack, page("stop"))
    assert replicas(ask) == dict.fromkeys(WRITERS, 0)
    taken = rehearsal.paste(stack, "".join(map(page, ("names", "aside", "restore", "take-over"))), policy_packs=PACKS)
    assert changes(taken).keys() <= {"create", "update"}, "nothing is replaced, the database above all"
    restored = instance(aws, NAME)
    assert restored["DbiResourceId"] != lost["DbiResourceId"]
    assert of_database(stack)["id"] == restored["DbiResourceId"]
    assert taken.outputs["databaseHost"].value == restored["Endpoint"]["Address"]
    assert jobs_of(ask, "migration").isdisjoint(migrated), "the migration runs on the copy"
    assert_every_role_may_log_in_to(aws, restored["DbiResourceId"], lost["DbiResourceId"])
    owner = json.loads(ask("get", "externalsecret", "database-owner", "-n", "sensors", "-o", "json"))
    assert owner["spec"]["data"][0]["remoteRef"]["key"] == restored["MasterUserSecret"]["SecretArn"]

    rehearsal.type(stack, page("start"))
    assert all(replicas(ask).values())
    suspended = ask("get", "cronjobs", "-n", "sensors", "-o", "jsonpath={.items[*].spec.suspend}")
    assert set(suspended.split()) == {"false"}
    assert changes(stack.up(policy_packs=PACKS)) == {}
    rehearsal.type(stack, page("names") + page("forget"))
    destroy(stack)
    assert aws.client("rds").describe_db_instances()["DBInstances"] == []


def kubectl(kubeconfig: Path, *arguments: str) -> str:
    command = ["kubectl", "--kubeconfig", str(kubeconfig), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def replicas(ask: Any) -> dict[str, int]:
    deployments = json.loads(ask("get", "deployments", "-n", "sensors", "-o", "json", *WRITERS))["items"]
    return {deployment["metadata"]["name"]: deployment["spec"]["replicas"] for deployment in deployments}


def jobs_of(ask: Any, name: str) -> set[str]:
    selector = f"app.kubernetes.io/name={name}"
    return set(ask("get", "jobs", "-n", "sensors", "-o", "name", "--selector", selector).split())


def instance(aws: Emulator, name: str) -> dict[str, Any]:
    found: dict[str, Any] = aws.client("rds").describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]
    return found


def of_database(stack: auto.Stack) -> dict[str, Any]:
    """What the state holds of the database."""
    resources = (stack.export_stack().deployment or {})["resources"]
    found: dict[str, Any] = next(resource for resource in resources if resource["type"] == "aws:rds/instance:Instance")
    return found


def assert_every_role_may_log_in_to(aws: Emulator, resource: str, lost: str) -> None:
    iam = aws.client("iam")
    documents = [
        json.dumps(iam.get_role_policy(RoleName=role["RoleName"], PolicyName=name)["PolicyDocument"])
        for role in iam.list_roles(PathPrefix="/sensor-analytics/dev/")["Roles"]
        for name in iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]
    ]
    assert any(f"dbuser:{resource}/" in text for text in documents)
    assert not any(lost in text for text in documents)
