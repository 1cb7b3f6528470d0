"""A reading goes the whole way through processes that know only what a deployment exported."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from apps.domain.signing import SigningKeys, presign
from devtools.ports import free_port
from devtools.postgres import Postgres
from tests.apps.ingestor.support import eventually
from tests.support import postgres
from tests.support.aws_emulator import Emulator
from tests.support.postgres import TestDatabase
from tests.support.serving import await_answer


def send_a_reading(aws: Emulator, exported: Mapping[str, str], server: Postgres, folder: Path) -> float:
    """Make the secrets, upload a reading to the gateway, and return the value that the ingestor stored."""
    reaching = aws.environment() | {"AWS_ENDPOINT_URL": aws.url}
    _finish(
        "rotation",
        reaching
        | {
            "SIGNING_KEYS_SECRET_ID": exported["signingKeysSecret"],
            "OPERATOR_TOKEN_SECRET_ID": exported["operatorTokenSecret"],
            "WEBHOOK_KEY_SECRET_ID": exported["webhookKeySecret"],
        },
    )
    document = aws.client("secretsmanager").get_secret_value(SecretId=exported["signingKeysSecret"])["SecretString"]
    keys = folder / "signing-keys.json"
    keys.write_text(document)
    stream = reaching | {"READINGS_STREAM": exported["stream"]}
    database = asyncio.run(postgres.copy_template(server))
    with ExitStack() as running:
        signing = {"SIGNING_KEYS_FILE": str(keys)}
        gateway = running.enter_context(_serving("gateway", stream | signing | database.environment("gateway")))
        running.enter_context(_serving("ingestor", stream | database.environment("ingestor")))
        path = presign(SigningKeys.parse(document.encode()), "device-1", datetime.now(UTC) + timedelta(minutes=5))
        reading = {"metric": "temperature", "ts": datetime.now(UTC).isoformat(), "value": 21.5}
        answer = httpx.put(gateway + path, json=[reading], timeout=30)
        assert (answer.status_code, answer.json()["accepted"]) == (202, 1), answer.text
        return asyncio.run(_stored(database))


async def _stored(database: TestDatabase) -> float:
    connection = await database.connect()
    try:
        value: float = await eventually(lambda: connection.fetchval("SELECT value FROM sensor_readings"))
        return value
    finally:
        await connection.close()


def _finish(service: str, environment: Mapping[str, str]) -> None:
    command = [sys.executable, "-m", f"apps.{service}"]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@contextmanager
def _serving(service: str, environment: Mapping[str, str]) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", f"apps.{service}"]
    process = subprocess.Popen(command, env=os.environ | environment | {"HTTP_PORT": str(port)})
    try:
        base = f"http://127.0.0.1:{port}"
        await_answer(base, 60)
        yield base
    finally:
        process.terminate()
        process.wait(30)
