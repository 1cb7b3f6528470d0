"""`PUT /ingest/{device_id}`: readings of one device, under a presigned URL, onto the stream."""

import random
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from opentelemetry import propagate
from starlette.requests import Request
from starlette.responses import Response

from apps.domain.errors import RejectKind
from apps.domain.readings import Envelope, Validated
from apps.domain.time_bounds import TimeBounds
from apps.gateway.authorisation import Authorisation
from apps.gateway.bodies import read_content, validate
from apps.gateway.budget import ByteBudget
from apps.gateway.envelopes import encode
from apps.gateway.errors import OverloadedError, UnavailableError
from apps.gateway.known_metrics import KnownMetrics
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


class Uploads:
    """The handler of uploads."""

    def __init__(
        self,
        settings: GatewaySettings,
        authorisation: Authorisation,
        producer: Producer,
        *,
        now: Callable[[], datetime],
        rng: random.Random,
    ) -> None:
        self._settings = settings
        self._authorisation = authorisation
        self._producer = producer
        self._now = now
        self._rng = rng
        self._known_metrics = KnownMetrics(settings.device_max_metrics)
        self._budget = ByteBudget(settings.max_in_flight_bytes, IN_FLIGHT_BODY_BYTES)

    async def put(self, request: Request) -> Response:
        """Answer 202 once the stream has acknowledged what is acceptable, and name what is not."""
        with UPLOADS_IN_FLIGHT.track_inprogress():
            try:
                device_id = await self._authorisation.device_of(request)
                received_at, validated = await self._receive(request, device_id)
                envelope = _envelope(device_id, received_at, validated)
                if envelope.readings or envelope.rejected:
                    await self._producer.put(device_id, encode(envelope))
            except UnavailableError as error:
                if isinstance(error, OverloadedError):
                    OVERLOADED.inc()
                raise self._retry_after(error) from None
            return _answer(validated)

    async def _receive(self, request: Request, device_id: str) -> tuple[datetime, Validated]:
        settings = self._settings
        with self._budget.reserve(_body_size(request, settings.max_body_bytes)):
            content = await read_content(request, settings)
            received_at = self._now()
            bounds = TimeBounds.at(received_at, settings.readings_retention_months)
            validated = validate(content, bounds, settings.max_readings)
        self._known_metrics.admit(device_id, validated)
        return received_at, validated

    def _retry_after(self, error: UnavailableError) -> ProblemError:
        # Spread, so that devices that were turned away together do not come back together.
        seconds = self._rng.randint(1, 5)
        return ProblemError(503, f"{error}: send them again in {seconds} s", headers={"Retry-After": str(seconds)})


def _envelope(device_id: str, received_at: datetime, validated: Validated) -> Envelope:
    return Envelope(
        device_id=device_id,
        received_at=received_at,
        readings=tuple(validated.readings),
        rejected=tuple(validated.rejected),
        traceparent=_traceparent(),
    )


def _body_size(request: Request, limit: int) -> int:
    declared = request.headers.get("content-length", "")
    return min(int(declared), limit) if declared else limit


def _traceparent() -> str | None:
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier.get("traceparent")


def _answer(validated: Validated) -> Response:
    accepted = len(validated.readings)
    READINGS_ACCEPTED.inc(accepted)
    for kind, count in validated.count_rejected().items():
        READINGS_REJECTED.labels(kind).inc(count)
    answer: dict[str, Any] = {
        "refused": [{"index": reading.index, "reason": reading.reason} for reading in validated.rejected]
    }
    if validated.further_rejected:
        answer["further_refused"] = [
            {"reason": REASONS[kind], "indexes": indexes} for kind, indexes in validated.further_rejected.items()
        ]
    if validated.rejected and not accepted:
        raise ProblemError(422, "no reading was acceptable: see refused for the reason of each", **answer)
    return Response(msgspec.json.encode({"accepted": accepted, **answer}), 202, media_type="application/json")


REASONS: Mapping[RejectKind, str] = {
    "schema": "not a reading: see the schema",
    "clock": "a time from a wrong clock",
    "retention": "older than readings are kept",
    "precision": "more digits than are kept",
    "conflict": "another value for its metric and time stands before it",
    "limit": "one metric more than a device may have",
}
"""What is said of a reading that is refused after many others."""
