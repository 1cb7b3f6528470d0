"""What a stack leaves in AWS is found by its tags and names, and nothing else is touched."""

from collections.abc import Iterator
from typing import Any

import pytest

from delivery import leftovers
from stacks.config import load_environment
from stacks.providers import stack_tags
from stacks.retained import name_of
from tests.support import aws_emulator, retained
from tests.support.aws_emulator import Emulator

ACCOUNT = load_environment("dev").account


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with aws_emulator.running(tmp_path_factory.mktemp("aws"), ACCOUNT) as aws:
        retained.make(aws, "dev")
        yield aws


@pytest.fixture
def aws(account: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    for name, value in account.environment().items():
        monkeypatch.setenv(name, value)
    return account


def tagged(kind: str, tags: dict[str, str]) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}]


def volume(aws: Emulator, tags: dict[str, str]) -> str:
    created = aws.client("ec2").create_volume(
        AvailabilityZone="eu-west-1a", Size=10, TagSpecifications=tagged("volume", tags)
    )
    return str(created["VolumeId"])


def volumes(aws: Emulator) -> set[str]:
    return {found["VolumeId"] for found in aws.client("ec2").describe_volumes()["Volumes"]}


def snapshots(aws: Emulator) -> set[str]:
    return {snapshot["DBSnapshotIdentifier"] for snapshot in aws.client("rds").describe_db_snapshots()["DBSnapshots"]}


def lives(aws: Emulator, *names: str) -> None:
    """Have a database of dev be made and deleted, each time with a last snapshot."""
    rds = aws.client("rds")
    for name in names:
        rds.create_db_instance(
            DBInstanceIdentifier=name_of("dev"),
            DBInstanceClass="db.t4g.small",
            Engine="postgres",
            MasterUsername="owner",
            MasterUserPassword="rehearsal",
            AllocatedStorage=20,
        )
        rds.delete_db_instance(DBInstanceIdentifier=name_of("dev"), FinalDBSnapshotIdentifier=name)


def test_what_the_charts_left_is_named_and_then_deleted_and_nothing_of_another_stack(
    aws: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    left, others = volume(aws, stack_tags("dev")), volume(aws, stack_tags("staging"))
    assert leftovers.main(["dev"]) == 1
    assert capsys.readouterr().out == f"volume {left} of 10 GiB: left\n"
    assert {left, others} <= volumes(aws)
    assert leftovers.main(["dev", "--delete"]) == 0
    assert capsys.readouterr().out == f"volume {left} of 10 GiB: deleted\n"
    assert left not in volumes(aws)
    assert others in volumes(aws)
    assert leftovers.main(["dev", "--delete"]) == 0
    assert capsys.readouterr().out == ""


def test_an_interface_that_outlived_its_node_goes(aws: Emulator) -> None:
    ec2 = aws.client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    tags = {"cluster.k8s.amazonaws.com/name": name_of("dev")}
    response = ec2.create_network_interface(SubnetId=subnet, TagSpecifications=tagged("network-interface", tags))
    assert leftovers.main(["dev", "--delete"]) == 0
    there = {found["NetworkInterfaceId"] for found in ec2.describe_network_interfaces()["NetworkInterfaces"]}
    assert response["NetworkInterface"]["NetworkInterfaceId"] not in there


def test_the_newest_last_snapshot_stays_and_so_does_what_a_person_made(aws: Emulator) -> None:
    lives(aws, "first-final", "mine", "second-final", "third-final")
    assert leftovers.main(["dev", "--delete"]) == 0
    assert snapshots(aws) == {"third-final", "mine"}


def test_nothing_is_deleted_of_a_stack_that_is_up(aws: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    """A volume that nothing holds may be on its way to another node."""
    left = volume(aws, stack_tags("dev"))
    address = aws.client("ec2").allocate_address(
        Domain="vpc", TagSpecifications=tagged("elastic-ip", stack_tags("dev"))
    )["AllocationId"]
    assert leftovers.main(["dev", "--delete"]) == 1
    output = capsys.readouterr().out
    assert f"address {address}: runs" in output
    assert "The stack is not down." in output
    assert left in volumes(aws)
    aws.client("ec2").release_address(AllocationId=address)
    assert leftovers.main(["dev", "--delete"]) == 0


def test_another_account_is_refused(
    aws: Emulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "999999999999")
    assert leftovers.main(["dev"]) == 2
    assert f"dev lies in account {ACCOUNT}, and this shell's identity in 999999999999" in capsys.readouterr().err
