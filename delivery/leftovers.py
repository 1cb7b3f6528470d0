"""`python -m delivery.leftovers`: what AWS still holds of a stack that was taken down, and deletes what nobody needs.

The storage driver deletes volumes on its own time and may go before it has; network interfaces outlive their nodes now
and then; each life of a database leaves a snapshot. None of it is in a state, so no `pulumi destroy` finds it. It is
found by the tags and names that everything of a stack has.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from components.data.database import FINAL
from delivery.account import clients
from delivery.errors import AccountError
from stacks.config import ROOT, EnvironmentConfig, load_environment
from stacks.errors import StackConfigError
from stacks.providers import stack_tags
from stacks.retained import name_of

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import FilterTypeDef

LEFT, NOT_USABLE = 1, 2

CALLS = (
    "ec2:DeleteNetworkInterface",
    "ec2:DeleteVolume",
    "ec2:DescribeAddresses",
    "ec2:DescribeInstances",
    "ec2:DescribeNatGateways",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeVolumes",
    "eks:ListClusters",
    "rds:DeleteDBSnapshot",
    "rds:DescribeDBInstances",
    "rds:DescribeDBSnapshots",
)
"""What whoever takes a stack down must be allowed for it."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """Something that is there. `delete`: how it goes; None for what belongs to a stack that is not down."""

    what: str
    delete: Callable[[], object] | None = None


class Account:
    """What AWS holds of one stack in the account of the shell's identity."""

    def __init__(self, config: EnvironmentConfig, stack: str) -> None:
        """Raises AccountError where the identity is of another account than the stack."""
        self._config, self._name = config, name_of(stack)
        aws = clients(config, stack)
        self._ec2, self._eks, self._rds = aws("ec2"), aws("eks"), aws("rds")
        self._tags: list[FilterTypeDef] = [
            {"Name": f"tag:{key}", "Values": [value]} for key, value in stack_tags(stack).items()
        ]

    def running(self) -> Iterator[Leftover]:
        """Yield what a stack that is down does not have. Only `pulumi destroy`, or a person, may take it away."""
        if self._name in self._eks.list_clusters()["clusters"]:
            yield Leftover(f"cluster {self._name}")
        for database in self._rds.describe_db_instances()["DBInstances"]:
            if database["DBInstanceIdentifier"] == self._name:
                yield Leftover(f"database {self._name}")
        for reservation in self._all("describe_instances", "Reservations", Filters=self._tags):
            for machine in reservation["Instances"]:
                if machine["State"]["Name"] not in {"shutting-down", "terminated"}:
                    yield Leftover(f"machine {machine['InstanceId']}")
        for gateway in self._all("describe_nat_gateways", "NatGateways", Filters=self._tags):
            if gateway["State"] not in {"deleting", "deleted"}:
                yield Leftover(f"NAT gateway {gateway['NatGatewayId']}")
        for address in self._ec2.describe_addresses(Filters=self._tags)["Addresses"]:
            yield Leftover(f"address {address['AllocationId']}")

    def unused(self) -> Iterator[Leftover]:
        """Yield what was made beside the stack and is used by nothing any more."""
        free: FilterTypeDef = {"Name": "status", "Values": ["available"]}
        for volume in self._all("describe_volumes", "Volumes", Filters=[*self._tags, free]):
            name = volume["VolumeId"]
            yield Leftover(f"volume {name} of {volume['Size']} GiB", partial(self._ec2.delete_volume, VolumeId=name))
        # The network's add-on tags those that it adds to a node with the cluster's name alone.
        of_nodes = {"Name": "tag:cluster.k8s.amazonaws.com/name", "Values": [self._name]}
        interfaces = {
            interface["NetworkInterfaceId"]
            for filters in ([*self._tags, free], [of_nodes, free])
            for interface in self._all("describe_network_interfaces", "NetworkInterfaces", Filters=filters)
        }
        for name in sorted(interfaces):
            delete = partial(self._ec2.delete_network_interface, NetworkInterfaceId=name)
            yield Leftover(f"network interface {name}", delete)

    def old_snapshots(self) -> Iterator[Leftover]:
        """Yield the snapshots that the database left, but the newest that are kept; never one that a person made."""
        snapshots = self._rds.describe_db_snapshots(DBInstanceIdentifier=self._name, SnapshotType="manual")
        available = [snapshot for snapshot in snapshots["DBSnapshots"] if snapshot["Status"] == "available"]
        left = [snapshot for snapshot in available if snapshot["DBSnapshotIdentifier"].endswith(FINAL)]
        left.sort(key=lambda snapshot: snapshot["SnapshotCreateTime"], reverse=True)
        for snapshot in left[self._config.database.snapshots_kept :]:
            name = snapshot["DBSnapshotIdentifier"]
            yield Leftover(f"snapshot {name}", partial(self._rds.delete_db_snapshot, DBSnapshotIdentifier=name))

    def _all(self, call: str, key: str, **arguments: Any) -> Iterator[Any]:
        paginator: Any = self._ec2.get_paginator(call)
        for page in paginator.paginate(**arguments):
            yield from page[key]


def main(arguments: list[str] | None = None) -> int:
    """Print what is left, a line each; return 1 when something stays, 2 when AWS or the stack's file cannot be read."""
    parser = argparse.ArgumentParser(
        prog="python -m delivery.leftovers",
        description="Names what AWS still holds of a stack that was taken down: volumes, network interfaces, and "
        "older snapshots than the stack's file keeps. Whatever runs is named and never touched.",
        epilog="exit code: 0 nothing stays, 1 something does, 2 when AWS or the stack's file cannot be read",
    )
    parser.add_argument("stack", metavar="STACK", help="dev or prod")
    parser.add_argument("--delete", action="store_true", help="delete what nothing uses; only while the stack is down")
    chosen = parser.parse_args(arguments)
    try:
        return _report(Account(load_environment(chosen.stack, ROOT), chosen.stack), delete=chosen.delete)
    except (StackConfigError, AccountError, BotoCoreError, ClientError) as error:
        print(f"leftovers: {error}", file=sys.stderr)
        return NOT_USABLE


def _report(account: Account, *, delete: bool) -> int:
    running = list(account.running())
    # While pods run, a volume that nothing holds may be on its way to another node.
    found = [*running, *([] if running else account.unused()), *account.old_snapshots()]
    stays = False
    for leftover in found:
        if leftover.delete is None:
            print(f"{leftover.what}: runs")
        elif delete:
            leftover.delete()
            print(f"{leftover.what}: deleted")
        else:
            print(f"{leftover.what}: left")
        stays = stays or leftover.delete is None or not delete
    if running:
        print("The stack is not down. `pulumi destroy` takes away what its state knows; the rest, a person.")
    return LEFT if stays else 0


if __name__ == "__main__":
    sys.exit(main())
