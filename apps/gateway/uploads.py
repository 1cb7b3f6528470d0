"""`PUT /ingest/{device_id}`: readings of one device, under a presigned URL, onto the stream."""

import random
from collections.abc import Callable
from datetime import datetime

import msgspec
from opentelemetry import propagate
from starlette.requests import Request
from starlette.responses import Response

from apps.domain.readings import Envelope, Refusal, read_each
from apps.domain.signing import SigningKeys, UploadRefusedError, verify
from apps.gateway.bodies import check_encoding, gunzip, read_array
from apps.gateway.envelopes import encode
from apps.gateway.metrics import (
    BODY_BYTES,
    OVERLOADED,
    READINGS_ACCEPTED,
    READINGS_REFUSED,
    UPLOADS_IN_FLIGHT,
)
from apps.gateway.producer import NotAcknowledgedError, Producer
from apps.gateway.room import NoRoomError, Room
from apps.gateway.settings import GatewaySettings
from apps.platform.http import ProblemError, read_body
from apps.platform.secrets import SecretFile


class Uploads:
    """The handler of uploads."""

    def __init__(
        self,
        settings: GatewaySettings,
        keys: SecretFile[SigningKeys],
        producer: Producer,
        *,
        now: Callable[[], datetime],
        chance: random.Random,
    ) -> None:
        self._settings = settings
        self._keys = keys
        self._producer = producer
        self._now = now
        self._chance = chance
        self._room = Room(settings.waiting_bytes, BODY_BYTES)

    async def put(self, request: Request) -> Response:
        """Answer 202 once the stream has acknowledged what is acceptable, and name what is not."""
        with UPLOADS_IN_FLIGHT.track_inprogress():
            try:
                return await self._put(request)
            except NoRoomError:
                OVERLOADED.inc()
                raise self._later("the gateway is full") from None
            except NotAcknowledgedError:
                raise self._later("the stream did not take the readings in time") from None

    async def _put(self, request: Request) -> Response:
        device_id = self._authorise(request)
        gzipped = check_encoding(request.headers)
        with self._room.hold(_body_size(request, self._settings.max_body_bytes)):
            body = await read_body(request, self._settings.max_body_bytes, self._settings.body_seconds)
            received_at = self._now()
            content = gunzip(body, self._settings.max_decompressed_bytes) if gzipped else body
            readings, refused = read_each(read_array(content, self._settings.max_readings), received_at)
        carrier: dict[str, str] = {}
        propagate.inject(carrier)
        if readings or refused:
            envelope = Envelope(
                device_id=device_id,
                received_at=received_at,
                readings=tuple(readings),
                refused=tuple(refused),
                traceparent=carrier.get("traceparent"),
            )
            await self._producer.put(device_id, encode(envelope))
        READINGS_ACCEPTED.inc(len(readings))
        for refusal in refused:
            READINGS_REFUSED.labels(refusal.fault).inc()
        return _answer(len(readings), refused)

    def _authorise(self, request: Request) -> str:
        # What stood in the request line: anything derived from it, or from the Host header, may have been rewritten.
        path, query = request.scope["raw_path"].decode("latin-1"), request.scope["query_string"].decode("latin-1")
        try:
            return verify(self._keys.read(), request.method, path, query, self._now())
        except UploadRefusedError as error:
            raise ProblemError(403, str(error)) from None

    def _later(self, reason: str) -> ProblemError:
        # Spread, so that devices that were refused together do not come back together.
        after = self._chance.randint(1, 5)
        return ProblemError(503, f"{reason}: send them again in {after} s", headers={"Retry-After": str(after)})


def _body_size(request: Request, most: int) -> int:
    declared = request.headers.get("content-length", "")
    return min(int(declared), most) if declared else most


def _answer(accepted: int, refused: list[Refusal]) -> Response:
    named = [{"index": refusal.index, "reason": refusal.reason} for refusal in refused]
    if refused and not accepted:
        raise ProblemError(422, "no reading was acceptable: see refused for the reason of each", refused=named)
    return Response(msgspec.json.encode({"accepted": accepted, "refused": named}), 202, media_type="application/json")
