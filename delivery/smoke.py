"""`python -m delivery.smoke`: whether a deployed environment works, found out as a device and a person would.

A device is registered and sends a reading over the public way in. The reading must be seen live, over a WebSocket, and
in the API, within 10 s (apps/smoke/steps.py).
"""

import argparse
import asyncio
import json
import random
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from apps.smoke.errors import SmokeError
from apps.smoke.steps import Endpoints, SmokeTest
from stacks.config import ROOT, load_environment
from stacks.errors import StackConfigError

FAILED, NOT_USABLE = 1, 2


@dataclass(frozen=True, slots=True)
class Target:
    """An environment: where people and devices reach it, and a key that may register a device and read."""

    url: str
    key: str


def deployed(stack: str) -> Target:
    """Return the target that a stack is. Raises SmokeError, StackConfigError."""
    config = load_environment(stack)
    command = ["pulumi", "stack", "output", "--json", "--stack", stack]
    try:
        output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        outputs = json.loads(output)
        secrets = boto3.client("secretsmanager", region_name=config.region)
        return Target(outputs["url"], secrets.get_secret_value(SecretId=outputs["operatorTokenSecret"])["SecretString"])
    except FileNotFoundError:
        raise SmokeError("pulumi is not on PATH: give --url and --key-file instead") from None
    except subprocess.CalledProcessError as error:
        raise SmokeError(f"the outputs of {stack} cannot be read: {error.stderr.strip()}") from None
    except (KeyError, ValueError):
        raise SmokeError(f"{stack} exports no url and operatorTokenSecret: is it up?") from None
    except (BotoCoreError, ClientError) as error:
        raise SmokeError(f"the key of {stack} cannot be read: {error}") from None


def main(arguments: list[str] | None = None) -> int:
    """Return 0, 1 when a step failed, 2 when there is nothing to test."""
    parser = argparse.ArgumentParser(
        prog="python -m delivery.smoke",
        description="Registers a device in an environment, sends a reading as a device does, and sees it arrive.",
        epilog="exit code: 0, 1 when a step failed, 2 when the environment cannot be found",
    )
    parser.add_argument("stack", nargs="?", metavar="STACK", help="an environment that is up, for example dev")
    parser.add_argument("--url", help="instead of a stack: where it is, for example http://127.0.0.1:8080")
    parser.add_argument("--key-file", type=Path, metavar="FILE", help="holds a key that may register devices and read")
    chosen = parser.parse_args(arguments)
    if (chosen.stack is None) == (chosen.url is None) or (chosen.url is None) != (chosen.key_file is None):
        parser.error("give either a stack, or --url and --key-file")
    try:
        target = deployed(chosen.stack) if chosen.stack else Target(chosen.url, chosen.key_file.read_text().strip())
    except (SmokeError, StackConfigError, OSError) as error:
        print(f"smoke test: {error}", file=sys.stderr)
        return NOT_USABLE
    value = random.SystemRandom().randrange(10**9) / 1000
    try:
        asyncio.run(SmokeTest(Endpoints(target.url, target.url, None, target.key), value).run())
    except SmokeError as error:
        print(f"smoke test: {target.url}: {error}", file=sys.stderr)
        return FAILED
    print(f"{target.url} works")
    return 0


if __name__ == "__main__":
    sys.exit(main())
