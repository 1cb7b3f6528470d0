"""Dev by the roles of its account, on the real AWS provider: IAM is asked about each call.

`deploy-dev` makes it, though its machine dies in the middle, takes it down, and makes it again with the data of the day
before; `preview` looks for what has drifted.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pulumi.automation as auto
import pulumi_aws
import pytest

from stacks.config import read_stack_file
from stacks.retained import name_of
from tests.engine.conftest import Harness
from tests.support import deployer, engine, policy_pack
from tests.support.aws_emulator import Emulator
from tests.support.engine import Rehearsal, changes, destroy, kill

LACKING = engine.missing_with_aws()

pytestmark = [
    pytest.mark.engine,
    pytest.mark.slow,
    pytest.mark.timeout(2400),
    pytest.mark.skipif(bool(LACKING), reason=f"not on PATH: {', '.join(LACKING)}"),
]

PACKS = [str(policy_pack.PACK)]


def test_what_a_dead_machine_made_is_taken_over_and_nothing_is_left_in_the_end(
    harness: Harness, kubeconfig: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = read_stack_file("dev", "environment")
    aws, rehearsal = harness(config, kubeconfig, "dev")
    previews, ec2 = deployer.preview(aws, "bootstrap"), aws.client("ec2")
    monkeypatch.setattr(pulumi_aws.rds, "get_snapshots", partial(snapshots, aws))
    config |= {"charts": {"mirror": str(mirror)}, "emulator": aws.url}
    stack = rehearsal.stack("dev", "environment", config)
    others = networks(ec2)

    of_others = len(ec2.describe_subnets()["Subnets"])
    kill(stack, once=lambda: len(ec2.describe_subnets()["Subnets"]) > of_others)
    rehearsal.resume(stack, policy_packs=PACKS)
    assert changes(stack.up(policy_packs=PACKS)) == {}, "a second deployment must change nothing"
    assert_who_previews_sees_no_drift(rehearsal, previews, config)
    assert "snapshotIdentifier" not in database_of(stack)
    destroy(stack)
    assert networks(ec2) == others

    (last,) = snapshots(aws, name_of("dev")).snapshots
    stack.up(policy_packs=PACKS)
    assert database_of(stack)["snapshotIdentifier"] == last.db_snapshot_identifier
    assert changes(stack.up()) == {}, "a database that runs is not replaced by its snapshot"
    destroy(stack)
    assert networks(ec2) == others
    assert len(snapshots(aws, name_of("dev")).snapshots) == 2


def assert_who_previews_sees_no_drift(
    rehearsal: Rehearsal, previews: Mapping[str, str], config: Mapping[str, Any]
) -> None:
    """Compare with AWS what is declared, as a role that changes nothing and reads no contents."""
    looking, output = replace(rehearsal, environment=previews).stack("dev", "environment", config), list[str]()
    seen = looking.preview(refresh=True, diff=True, on_output=output.append)
    assert set(seen.change_summary) == {auto.OpType.SAME}, "\n".join(output)


def networks(ec2: Any) -> set[str]:
    """The networks, and the groups and subnets in them: what nothing else would take away."""
    return {
        *(description["VpcId"] for description in ec2.describe_vpcs()["Vpcs"]),
        *(description["SubnetId"] for description in ec2.describe_subnets()["Subnets"]),
        *(description["GroupId"] for description in ec2.describe_security_groups()["SecurityGroups"]),
    }


def snapshots(aws: Emulator, db_instance_identifier: str, **_: object) -> Any:
    """What the provider would list: the one that is rehearsed with is older than the locked one, and lists none."""
    response = aws.client("rds").describe_db_snapshots(
        DBInstanceIdentifier=db_instance_identifier, SnapshotType="manual"
    )
    return SimpleNamespace(
        snapshots=[
            SimpleNamespace(
                db_snapshot_identifier=snapshot["DBSnapshotIdentifier"],
                status=snapshot["Status"],
                snapshot_create_time=snapshot["SnapshotCreateTime"].isoformat(),
            )
            for snapshot in response["DBSnapshots"]
        ]
    )


def database_of(stack: auto.Stack) -> dict[str, Any]:
    """With what the state says that the database was made."""
    resources = (stack.export_stack().deployment or {})["resources"]
    inputs: dict[str, Any] = next(
        resource for resource in resources if resource["type"] == "aws:rds/instance:Instance"
    )["inputs"]
    return inputs
