"""Kinesis APIs that speak the real protocol: MiniStack is quick, kinesis-local is true to AWS when shards split."""

import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from mypy_boto3_kinesis import KinesisClient

from devtools.ports import free_port

REGION = "eu-west-1"
CACHE = Path(__file__).parents[2] / ".cache"

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": REGION}


@dataclass
class KinesisServer:
    """A running Kinesis API."""

    url: str
    process: subprocess.Popen[bytes]

    def client(self) -> KinesisClient:
        return boto3.client(
            "kinesis",
            region_name=REGION,
            endpoint_url=self.url,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"mode": "standard", "total_max_attempts": 3}, max_pool_connections=32),
        )

    def environment(self) -> dict[str, str]:
        return {**CREDENTIALS, "AWS_ENDPOINT_URL": self.url}

    def create_stream(self, name: str, shards: int = 1) -> str:
        client = self.client()
        client.create_stream(StreamName=name, ShardCount=shards)
        client.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
        return name

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:  # kinesis-local waits for clients that keep their connections
            self.process.kill()
            self.process.wait()


def start_ministack(folder: Path) -> KinesisServer:
    port = free_port()
    environment = os.environ | {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "SERVICES": "kinesis,monitoring,s3,secretsmanager,sts",
    }
    environment |= {"MINISTACK_REGION": REGION, "TMPDIR": str(folder)}
    command = [sys.executable, "-m", "ministack"]
    return _wait(_start(command, folder, environment), f"http://127.0.0.1:{port}", folder)


def start_kinesis_local(folder: Path) -> KinesisServer:
    """Skips, saying why, where there is no Node to run it."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("resharding needs Node: install Node 20 or newer, or run the tests with nox, which brings it")
    home = _install_kinesis_local(npm)
    port = free_port()
    environment = os.environ | {
        "KINESIS_MOCK_PLAIN_PORT": str(port),
        "KINESIS_MOCK_TLS_PORT": str(free_port()),
        "AWS_REGION": REGION,
        "LOG_LEVEL": "ERROR",
        "ROOT_LOG_LEVEL": "ERROR",
        "SHARD_LIMIT": "100",
        **{f"{what}_DURATION": "50ms" for what in ("CREATE_STREAM", "SPLIT_SHARD", "MERGE_SHARDS", "DELETE_STREAM")},
    }
    return _wait(_start([node, "main.js"], home, environment, folder), f"http://127.0.0.1:{port}", folder)


def _install_kinesis_local(npm: str) -> Path:
    home = CACHE / "kinesis-local"
    package = home / "node_modules" / "kinesis-local"
    if not package.exists():
        home.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(Path(__file__).parent / "kinesis_local" / name, home)
        subprocess.run([npm, "ci", "--silent"], cwd=home, check=True)
    return package


def _start(
    command: list[str], cwd: Path, environment: dict[str, str], logs: Path | None = None
) -> subprocess.Popen[bytes]:
    with ((logs or cwd) / "kinesis.log").open("wb") as log:
        return subprocess.Popen(command, cwd=cwd, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)


def _wait(process: subprocess.Popen[bytes], url: str, folder: Path) -> KinesisServer:
    # A busy machine is no fault of a test.
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            urllib.request.urlopen(url, timeout=1).close()
        except urllib.error.HTTPError:
            return KinesisServer(url, process)
        except OSError:
            time.sleep(0.1)
        else:
            return KinesisServer(url, process)
    process.kill()
    raise RuntimeError(f"no Kinesis API at {url}: {(folder / 'kinesis.log').read_text()[-500:]}")
