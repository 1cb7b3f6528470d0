"""`PUT /ingest/{device_id}`: readings of one device, under a presigned URL, onto the stream."""

import random
import time
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
from apps.gateway.device_limits import DeviceLimits, Upload
from apps.gateway.envelopes import encode
from apps.gateway.errors import OverloadedError, UnavailableError
from apps.gateway.known_metrics import KnownMetrics, ReachedLimit
from apps.gateway.metrics import (
    IN_FLIGHT_BODY_BYTES,
    OVERLOADED,
    READINGS_ACCEPTED,
    READINGS_REJECTED,
    UPLOADS_IN_FLIGHT,
)
from apps.gateway.producer import Producer
from apps.gateway.settings import GatewaySettings
from apps.gateway.stored_metrics import StoredMetrics
from apps.platform.errors import ProblemError
from apps.storage.series import MetricLimits


class Uploads:
    """The handler of uploads."""

    def __init__(
        self,
        settings: GatewaySettings,
        authorisation: Authorisation,
        producer: Producer,
        stored: StoredMetrics,
        *,
        now: Callable[[], datetime],
        rng: random.Random,
    ) -> None:
        self._settings = settings
        self._authorisation = authorisation
        self._producer = producer
        self._now = now
        self._rng = rng
        limits = MetricLimits(settings.device_max_metrics, settings.device_new_metrics_per_day)
        self._known_metrics = KnownMetrics(limits, stored.of)
        budget = ByteBudget(settings.max_in_flight_bytes, IN_FLIGHT_BODY_BYTES)
        self._limits = DeviceLimits(settings, budget, time.monotonic)

    async def put(self, request: Request) -> Response:
        """Answer 202 once the stream has acknowledged what is acceptable, and name what is not."""
        with UPLOADS_IN_FLIGHT.track_inprogress():
            try:
                device_id = await self._authorisation.device_of(request)
                with self._limits.upload(device_id) as upload:
                    # While the stream takes its time nothing is held but the records and the answer.
                    records, answer = await self._receive(request, device_id, upload)
                    upload.shrink_to(sum(map(len, records)))
                    if records:
                        await self._producer.put(device_id, records)
            except UnavailableError as error:
                if isinstance(error, OverloadedError):
                    OVERLOADED.inc()
                raise self._retry_after(error) from None
            return answer.give()

    async def _receive(self, request: Request, device_id: str, upload: Upload) -> tuple[list[bytes], "_Answer"]:
        settings = self._settings
        content = await read_content(request, settings, upload)
        received_at = self._now()
        bounds = TimeBounds.at(received_at, settings.readings_retention_months)
        validated = validate(content, bounds, settings.max_readings)
        self._limits.count_readings(device_id, len(validated.readings))
        reached = await self._known_metrics.admit(device_id, validated)
        envelope = _envelope(device_id, received_at, validated)
        return encode(envelope) if envelope.readings or envelope.rejected else [], _Answer(validated, reached)

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


def _traceparent() -> str | None:
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier.get("traceparent")


class _Answer:
    """What a device is told of its upload, made before the readings are let go, given once they are on the stream."""

    def __init__(self, validated: Validated, reached: ReachedLimit | None) -> None:
        self._reached = reached
        self._accepted = len(validated.readings)
        self._rejected = validated.count_rejected()
        self._details: dict[str, Any] = {
            "refused": [{"index": reading.index, "reason": reading.reason} for reading in validated.rejected]
        }
        if validated.further_rejected:
            self._details["further_refused"] = [
                {"reason": REASONS[kind], "indexes": indexes} for kind, indexes in validated.further_rejected.items()
            ]

    def give(self) -> Response:
        """Count what became of the readings and return the answer. Raises ProblemError 422 when none was acceptable."""
        READINGS_ACCEPTED.inc(self._accepted)
        for kind, count in self._rejected.items():
            READINGS_REJECTED.labels(kind).inc(count)
        if self._rejected and not self._accepted:
            headers: dict[str, str] = {}
            details = self._details
            if self._reached is not None:
                details = {"limit": self._reached.name, **details}
                if self._reached.seconds is not None:
                    headers["Retry-After"] = str(self._reached.seconds)
            text = "no reading was acceptable: see refused for the reason of each"
            raise ProblemError(422, text, headers=headers, **details)
        content = msgspec.json.encode({"accepted": self._accepted, **self._details})
        return Response(content, 202, media_type="application/json")


REASONS: Mapping[RejectKind, str] = {
    "schema": "not a reading: see the schema",
    "clock": "a time from a wrong clock",
    "retention": "older than readings are kept",
    "precision": "more digits than are kept",
    "conflict": "another value for its metric and time stands before it",
    "limit": "one metric more than a device may have, or may be new in a day",
}
"""What is said of a reading that is refused after many others."""
