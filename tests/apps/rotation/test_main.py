"""The rotation's process at a real Secrets Manager API."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

import boto3
import pytest

from apps.domain.signing import SigningKeys
from apps.rotation.keys import ID_FORMAT
from tests.support.kinesis import REGION, KinesisServer

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

Secrets: TypeAlias = "tuple[SecretsManagerClient, str, str, str]"
"""A client, and the ids of the signing keys, of the token and of the webhooks' key."""


@pytest.fixture
def secrets(ministack: KinesisServer) -> Iterator[Secrets]:
    client = boto3.client("secretsmanager", region_name=REGION, endpoint_url=ministack.url)
    keys, token, webhooks = (
        client.create_secret(Name=f"{os.urandom(4).hex()}-{name}")["ARN"] for name in ("keys", "token", "webhooks")
    )
    yield client, keys, token, webhooks
    for arn in (keys, token, webhooks):
        client.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)


def rotate(ministack: KinesisServer, keys: str, token: str, webhooks: str) -> subprocess.CompletedProcess[str]:
    environment = ministack.environment() | {
        "AWS_REGION": REGION,
        "SIGNING_KEYS_SECRET_ID": keys,
        "OPERATOR_TOKEN_SECRET_ID": token,
        "WEBHOOK_KEY_SECRET_ID": webhooks,
    }
    command = [sys.executable, "-m", "apps.rotation"]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)


def value(client: "SecretsManagerClient", secret: str) -> str:
    return client.get_secret_value(SecretId=secret)["SecretString"]


def test_the_first_run_makes_every_secret_and_the_second_leaves_them_alone(
    ministack: KinesisServer, secrets: Secrets
) -> None:
    client, keys, token, webhooks = secrets
    assert rotate(ministack, keys, token, webhooks).returncode == 0
    created = value(client, keys), value(client, token), value(client, webhooks)
    assert len(SigningKeys.parse(created[0].encode()).secrets) == 1
    assert len(created[1]) >= 32
    assert len(created[2]) >= 32
    assert created[1] != created[2]
    assert rotate(ministack, keys, token, webhooks).returncode == 0
    assert (value(client, keys), value(client, token), value(client, webhooks)) == created


def test_an_old_key_gets_a_successor_that_does_not_sign_yet(ministack: KinesisServer, secrets: Secrets) -> None:
    client, keys, token, webhooks = secrets
    old = (datetime.now(UTC) - timedelta(days=31)).strftime(ID_FORMAT)
    document = SigningKeys(old, {old: bytes(32)}).document().decode()
    client.put_secret_value(SecretId=keys, SecretString=document)
    done = rotate(ministack, keys, token, webhooks)
    assert done.returncode == 0
    now = SigningKeys.parse(value(client, keys).encode())
    assert now.current == old
    assert len(now.secrets) == 2
    for secret in (value(client, token), *SigningKeys.parse(value(client, keys).encode()).secrets.values()):
        assert str(secret) not in done.stderr


def test_keys_that_cannot_be_read_are_left_alone_and_named(ministack: KinesisServer, secrets: Secrets) -> None:
    client, keys, token, webhooks = secrets
    client.put_secret_value(SecretId=keys, SecretString='{"current": "blue"}')
    done = rotate(ministack, keys, token, webhooks)
    assert done.returncode == 1
    assert "rotation failed: signing keys must be" in done.stderr
    assert "Traceback" not in done.stderr
    assert value(client, keys) == '{"current": "blue"}'
