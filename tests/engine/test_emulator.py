"""The emulator of AWS does what a rehearsal relies on."""

import subprocess
import sys
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.support import aws_emulator

AS_IT_STARTS = """
from hypercorn.config import Config
from tests.support.stand_ins import ministack
config = Config()
config.keep_alive_timeout = 75
print(config.keep_alive_timeout)
"""


def test_it_closes_no_idle_connection_that_a_provider_still_uses() -> None:
    """Go's client closes one itself after 90 s."""
    root = Path(__file__).parents[2]
    process = subprocess.run([sys.executable, "-c", AS_IT_STARTS], cwd=root, check=True, capture_output=True, text=True)
    assert int(process.stdout) > 90


def test_a_subnet_that_is_asked_for_twice_is_made_once(tmp_path: Path) -> None:
    with aws_emulator.running(tmp_path, "111111111111") as aws:
        ec2 = aws.client("ec2")
        network = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        ec2.create_subnet(VpcId=network, CidrBlock="10.0.0.0/20")
        ec2.create_subnet(VpcId=network, CidrBlock="10.0.16.0/20")
        with pytest.raises(ClientError, match=r"InvalidSubnet\.Conflict"):
            ec2.create_subnet(VpcId=network, CidrBlock="10.0.0.0/24")
        elsewhere = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        ec2.create_subnet(VpcId=elsewhere, CidrBlock="10.0.0.0/20")
