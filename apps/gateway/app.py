"""The gateway's application."""

import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.routing import Route

from apps.domain.signing import METHOD, SigningKeys, upload_path
from apps.gateway.authorisation import Authorisation
from apps.gateway.credential_follower import CredentialFollower
from apps.gateway.known_credentials import KnownCredentials
from apps.gateway.producer import Producer
from apps.gateway.readiness import StreamReadiness
from apps.gateway.settings import GatewaySettings
from apps.gateway.stored_metrics import StoredMetrics
from apps.gateway.uploads import Uploads
from apps.platform.http import application
from apps.platform.secrets import ReloadingSecret

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient


def _utc_now() -> datetime:
    return datetime.now(UTC)


def create(
    settings: GatewaySettings,
    client: "KinesisClient",
    *,
    now: Callable[[], datetime] = _utc_now,
    rng: random.Random | None = None,
    on_failure: Callable[[], None] = lambda: None,
) -> Starlette:
    """Return the application. Raises ConfigurationError when the signing keys cannot be used.

    `on_failure` is called when no upload can succeed any more: end the process, so that another one takes over.
    """
    rng = rng or random.Random()  # noqa: S311 - spreads retries, keeps no secret
    keys = ReloadingSecret(settings.signing_keys_file, SigningKeys.parse)
    producer = Producer(
        client,
        settings.readings_stream,
        put_timeout_seconds=settings.put_timeout_seconds,
        max_concurrent_puts=settings.max_concurrent_puts,
        max_in_flight_bytes=settings.max_in_flight_bytes,
        rng=rng,
        on_failure=on_failure,
    )
    known = KnownCredentials(settings.max_known_credentials)
    follower = CredentialFollower(settings, known, now)
    authorisation = Authorisation(settings, keys, known, follower, now)
    stored = StoredMetrics(settings)
    uploads = Uploads(settings, authorisation, producer, stored, now=now, rng=rng)
    stream = StreamReadiness(client, settings.readings_stream)

    async def ready() -> str | None:
        return await stream() or authorisation.reason_unsure()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with producer, follower.running(), stored.running():
            yield

    # POST is for clients with a credential and a library that knows no PUT: a URL is signed for PUT.
    path = upload_path("{device_id}")
    return application([Route(path, uploads.put, methods=[METHOD, "POST"])], ready, lifespan)
