"""The commands of docs/recovery.md, pasted into a shell: the real command line of AWS asks an emulator.

The stack is played: `tests/engine/test_recovery_on_aws.py` lets a real one take the restored instance over.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.catalog import CATALOG
from apps.platform.declaration import ScheduledService, Service
from apps.platform.needs import Connect
from tests.support import aws_emulator
from tests.support.aws_emulator import Emulator
from tests.support.documents import commands

NAME = "sensor-analytics-dev"
LACKING = [name for name in ("aws", "bash", "jq") if shutil.which(name) is None]

OF_THE_GATEWAY = "gateway"
"""It goes on: devices shall notice nothing, and what it takes lies in the stream."""


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[Emulator]:
    with aws_emulator.running(tmp_path / "aws", "111111111111") as emulator:
        rds, ec2 = emulator.client("rds"), emulator.client("ec2")
        network = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            ec2.create_subnet(VpcId=network, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"eu-west-1{zone}")
            for number, zone in enumerate("ab")
        ]
        rds.create_db_subnet_group(
            DBSubnetGroupName="database",
            DBSubnetGroupDescription="private",
            SubnetIds=[created["Subnet"]["SubnetId"] for created in subnets],
        )
        rds.create_db_parameter_group(
            DBParameterGroupName="ours", DBParameterGroupFamily="postgres15", Description="TLS alone"
        )
        rds.create_db_instance(
            DBParameterGroupName="ours",
            DBInstanceIdentifier=NAME,
            DBInstanceClass="db.t4g.micro",
            Engine="postgres",
            EngineVersion="15",
            AllocatedStorage=20,
            DBSubnetGroupName="database",
            VpcSecurityGroupIds=["sg-1", "sg-2"],
            MultiAZ=True,
            DeletionProtection=True,
            EnableIAMDatabaseAuthentication=True,
            CopyTagsToSnapshot=True,
            PubliclyAccessible=False,
            ManageMasterUserPassword=True,
            EnableCloudwatchLogsExports=["postgresql", "upgrade"],
            MasterUserSecretKmsKeyId="arn:aws:kms:eu-west-1:111111111111:key/1",
            Tags=[{"Key": "stack", "Value": "dev"}],
        )
        yield emulator


@pytest.mark.skipif(bool(LACKING), reason=f"not on PATH: {', '.join(LACKING)}")
def test_another_instance_of_the_same_name_and_make_takes_the_place_of_the_lost_one(
    aws: Emulator, tmp_path: Path
) -> None:
    lost = instance(aws, NAME)
    host = lost["Endpoint"]["Address"]
    play(tmp_path / "bin" / "pulumi", f"echo {host}")
    paste(aws, tmp_path, "names", "aside", "restore")
    aside, restored = instance(aws, f"{NAME}-before"), instance(aws, NAME)
    assert aside["DbiResourceId"] == lost["DbiResourceId"]
    assert restored["DbiResourceId"] != lost["DbiResourceId"]
    assert restored["MasterUserSecret"]["SecretArn"] != lost["MasterUserSecret"]["SecretArn"]
    of_its_own = {"DbiResourceId", "LatestRestorableTime"}
    secret = {"MasterUserSecret": lost["MasterUserSecret"]["KmsKeyId"]}
    assert {**lost, **secret, **dict.fromkeys(of_its_own)} == {
        **restored,
        "MasterUserSecret": restored["MasterUserSecret"]["KmsKeyId"],
        **dict.fromkeys(of_its_own),
    }
    paste(aws, tmp_path, "names", "forget")
    assert [left["DbiResourceId"] for left in aws.client("rds").describe_db_instances()["DBInstances"]] == [
        restored["DbiResourceId"]
    ]


def test_whoever_writes_is_stopped_before() -> None:
    stopped = commands("recovery.md", "stop")
    (named,) = re.findall(r"scale deployment (.*) --replicas=0", stopped)
    assert "get cronjobs -o name" in stopped, "every scheduled service"
    writing = {
        declaration.name
        for declaration in CATALOG.declarations
        if isinstance(declaration, Service | ScheduledService)
        for need in declaration.needs
        if isinstance(need, Connect) and any(set(grant.split(", ")) - {"SELECT"} for grant in need.grants.values())
    }
    scheduled = {service.name for service in CATALOG.scheduled}
    assert set(named.split()) == writing - scheduled - {OF_THE_GATEWAY}


def paste(aws: Emulator, folder: Path, *blocks: str) -> None:
    typed = "".join(commands("recovery.md", name) for name in blocks)
    done = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", typed],
        cwd=folder,
        env={**os.environ, **aws.environment(), "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def play(program: Path, script: str) -> None:
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def instance(aws: Emulator, name: str) -> dict[str, Any]:
    (description,) = aws.client("rds").describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
    found: dict[str, Any] = json.loads(json.dumps(description, default=str))
    return found
