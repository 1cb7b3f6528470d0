"""`python -m apps.rotation`: make secrets that are missing, and take the next step of the signing keys' rotation."""

import asyncio
import logging
import os
import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from apps.domain.signing import SigningKeys
from apps.platform.process import FAILED, run_job
from apps.rotation.keys import initial_keys, rotate
from apps.rotation.service import ROTATION
from apps.rotation.settings import RotationSettings

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

log = logging.getLogger(__name__)


async def main(settings: RotationSettings) -> int:
    """Take one step and return the exit code."""
    client: SecretsManagerClient = boto3.client(
        "secretsmanager", region_name=settings.aws_region, endpoint_url=settings.aws_endpoint_url
    )
    try:
        for secret in (settings.operator_token_secret_id, settings.webhook_key_secret_id):
            await asyncio.to_thread(make_lasting, client, secret)
        await asyncio.to_thread(
            renew_signing_keys, client, settings.signing_keys_secret_id, timedelta(days=settings.rotation_days)
        )
    except (BotoCoreError, ClientError, ValueError) as error:
        log.error("rotation failed: %s", error)
        return FAILED
    return 0


def make_lasting(client: "SecretsManagerClient", secret: str) -> None:
    """Make a random secret where there is none. It is never renewed by itself: people hold what follows from it."""
    if _read(client, secret) is None:
        client.put_secret_value(SecretId=secret, SecretString=secrets.token_urlsafe(32))
        log.info("made a secret", extra={"secret": secret})


def renew_signing_keys(client: "SecretsManagerClient", secret: str, period: timedelta) -> None:
    """Make the first key where there is none, else take the next step of its rotation."""
    now, stored = datetime.now(UTC), _read(client, secret)
    if stored is None:
        keys, due = None, initial_keys(now, os.urandom)
    else:
        document, changed = stored
        keys = SigningKeys.parse(document.encode())
        due = rotate(keys, changed, now, period, os.urandom)
    if due is not keys:
        client.put_secret_value(SecretId=secret, SecretString=due.document().decode())
        log.info("changed the signing keys", extra={"current": due.current, "ids": sorted(due.secrets)})


def _read(client: "SecretsManagerClient", secret: str) -> tuple[str, datetime] | None:
    """Return the value and since when it is so; None for a secret without one: AWS refuses, emulators leave it out."""
    try:
        answer = client.get_secret_value(SecretId=secret)
    except client.exceptions.ResourceNotFoundException:
        return None
    return (answer["SecretString"], answer["CreatedDate"]) if answer.get("SecretString") else None


if __name__ == "__main__":
    run_job(ROTATION, RotationSettings, main)
