"""All of AWS that a stack needs, on this machine: MiniStack with every service, asked as one account."""

import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

from devtools.ports import free_port

REGION = "eu-west-1"
ROOT = Path(__file__).parents[2]


class Emulator:
    """Where it answers, and to whom: an access key of twelve digits is the account's root, whom IAM refuses nothing."""

    def __init__(self, url: str, account: str) -> None:
        self.url, self.account = url, account

    def environment(self) -> dict[str, str]:
        """What a process needs to reach it as the account's root."""
        return self._environment(AWS_ACCESS_KEY_ID=self.account, AWS_SECRET_ACCESS_KEY="rehearsal")

    def environment_as(self, role: str, key_id: str, secret: str) -> dict[str, str]:
        """What a process needs to reach it as the role of this ARN, which somebody's key may assume."""
        sts = self.client("sts", key_id, secret)
        lent = sts.assume_role(RoleArn=role, RoleSessionName="rehearsal", DurationSeconds=7200)["Credentials"]
        return self._environment(
            AWS_ACCESS_KEY_ID=lent["AccessKeyId"],
            AWS_SECRET_ACCESS_KEY=lent["SecretAccessKey"],
            AWS_SESSION_TOKEN=lent["SessionToken"],
        )

    def client(self, service: str, key_id: str | None = None, secret: str = "rehearsal") -> Any:
        """A boto3 client: the root's, or of whom the key is."""
        return boto3.Session().client(
            service,  # type: ignore[call-overload] # which service is only known when a test runs
            region_name=REGION,
            endpoint_url=self.url,
            aws_access_key_id=key_id or self.account,
            aws_secret_access_key=secret,
        )

    def _environment(self, **keys: str) -> dict[str, str]:
        # The first version of the command line reads the older name.
        return {**keys, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL": self.url}


@contextmanager
def running(folder: Path, account: str, *, asks_iam: bool = False) -> Iterator[Emulator]:
    """Run MiniStack; what it kept ends with the block. `asks_iam`: before every call, whether the caller may."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    environment = os.environ | {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        "TMPDIR": str(folder),
        "AUTH": str(asks_iam).lower(),
        "AWS_ACCESS_KEY_ID": account,
        "AWS_SECRET_ACCESS_KEY": "rehearsal",
        # No container runtime: a database of RDS is a name and an address, nothing answers there.
        "DOCKER_HOST": "tcp://127.0.0.1:1",
        "MINISTACK_DOCKER_TIMEOUT": "1",
    }
    with (folder / "ministack.log").open("wb") as log:
        program = subprocess.Popen(
            [sys.executable, "-m", "tests.support.stand_ins.ministack"],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=log,
        )
    try:
        url = f"http://localhost:{port}"
        _wait(program, url, folder / "ministack.log")
        yield Emulator(url, account)
    finally:
        program.terminate()
        try:
            program.wait(10)
        except subprocess.TimeoutExpired:
            program.kill()
            program.wait()


def _wait(program: subprocess.Popen[bytes], url: str, log: Path) -> None:
    until = time.monotonic() + 90
    while time.monotonic() < until and program.poll() is None:
        try:
            urllib.request.urlopen(f"{url}/_ministack/health", timeout=2).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise RuntimeError(f"MiniStack did not start:\n{log.read_text()[-2000:]}")


def at_hand() -> bool:
    """Whether the real AWS provider is there to ask it."""
    return shutil.which("pulumi-resource-aws") is not None
