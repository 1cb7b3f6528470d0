"""`PUT /ingest/{device_id}`: readings of one device, under a presigned URL, onto the stream."""

import random
from collections.abc import Callable
from datetime import datetime

import msgspec
from opentelemetry import propagate
from starlette.requests import Request
from starlette.responses import Response

from apps.domain.errors import InvalidUploadUrlError
from apps.domain.readings import Envelope, validate_readings
from apps.domain.signing import SigningKeys, verify
from apps.gateway.bodies import read_items
from apps.gateway.budget import ByteBudget
from apps.gateway.envelopes import encode
from apps.gateway.errors import OverloadedError, UnavailableError
from apps.gateway.metrics import (
    IN_FLIGHT_BODY_BYTES,
    OVERLOADED,
    READINGS_ACCEPTED,
    READINGS_REJECTED,
    UPLOADS_IN_FLIGHT,
)
from apps.gateway.producer import Producer
from apps.gateway.settings import GatewaySettings
from apps.platform.errors import ProblemError
from apps.platform.secrets import ReloadingSecret


class Uploads:
    """The handler of uploads."""

    def __init__(
        self,
        settings: GatewaySettings,
        keys: ReloadingSecret[SigningKeys],
        producer: Producer,
        *,
        now: Callable[[], datetime],
        rng: random.Random,
    ) -> None:
        self._settings = settings
        self._keys = keys
        self._producer = producer
        self._now = now
        self._rng = rng
        self._budget = ByteBudget(settings.max_in_flight_bytes, IN_FLIGHT_BODY_BYTES)

    async def put(self, request: Request) -> Response:
        """Answer 202 once the stream has acknowledged what is acceptable, and name what is not."""
        with UPLOADS_IN_FLIGHT.track_inprogress():
            try:
                device_id = self._authorise(request)
                envelope = await self._receive(request, device_id)
                if envelope.readings or envelope.rejected:
                    await self._producer.put(device_id, encode(envelope))
            except UnavailableError as error:
                if isinstance(error, OverloadedError):
                    OVERLOADED.inc()
                raise self._retry_after(error) from None
            return _answer(envelope)

    def _authorise(self, request: Request) -> str:
        # What stood in the request line: anything derived from it, or from the Host header, may have been rewritten.
        path, query = request.scope["raw_path"].decode("latin-1"), request.scope["query_string"].decode("latin-1")
        try:
            return verify(self._keys.read(), request.method, path, query, self._now())
        except InvalidUploadUrlError as error:
            raise ProblemError(403, str(error)) from None

    async def _receive(self, request: Request, device_id: str) -> Envelope:
        with self._budget.reserve(_body_size(request, self._settings.max_body_bytes)):
            items = await read_items(request, self._settings)
            received_at = self._now()
            readings, rejected = validate_readings(items, received_at)
        return Envelope(
            device_id=device_id,
            received_at=received_at,
            readings=tuple(readings),
            rejected=tuple(rejected),
            traceparent=_traceparent(),
        )

    def _retry_after(self, error: UnavailableError) -> ProblemError:
        # Spread, so that devices that were turned away together do not come back together.
        seconds = self._rng.randint(1, 5)
        return ProblemError(503, f"{error}: send them again in {seconds} s", headers={"Retry-After": str(seconds)})


def _body_size(request: Request, limit: int) -> int:
    declared = request.headers.get("content-length", "")
    return min(int(declared), limit) if declared else limit


def _traceparent() -> str | None:
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier.get("traceparent")


def _answer(envelope: Envelope) -> Response:
    accepted = len(envelope.readings)
    READINGS_ACCEPTED.inc(accepted)
    for reading in envelope.rejected:
        READINGS_REJECTED.labels(reading.kind).inc()
    refused = [{"index": reading.index, "reason": reading.reason} for reading in envelope.rejected]
    if refused and not accepted:
        raise ProblemError(422, "no reading was acceptable: see refused for the reason of each", refused=refused)
    return Response(msgspec.json.encode({"accepted": accepted, "refused": refused}), 202, media_type="application/json")
