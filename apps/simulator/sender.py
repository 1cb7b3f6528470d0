"""One device's connection: PUTs batches one after the other and repeats each until its fate is known."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from datetime import datetime

import httpx

from apps.device.protocol import (
    Accepted,
    Backoff,
    Outcome,
    Renew,
    Retry,
    Split,
    UploadUrl,
    encode,
    read_answer,
)
from apps.simulator.client import ApiClient
from apps.simulator.fleet import Sample
from apps.simulator.stats import Stats

MAX_BACKOFF_SECONDS = 10.0
"""A real device waits longer; a simulation is to tell soon that the platform is back."""


class Sender:
    """Sends for one device. `slots` bounds how many devices send at a time."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        api: ApiClient,
        device_id: str,
        stats: Stats,
        *,
        slots: asyncio.Semaphore,
        give_up: asyncio.Event,
        now: Callable[[], datetime],
        rng: random.Random,
        url_seconds: int = 3600,
        compress: bool = False,
    ) -> None:
        self._http = http
        self._api = api
        self._device_id = device_id
        self._stats = stats
        self._slots = slots
        self._give_up = give_up
        self._now = now
        self._rng = rng
        self._url_seconds = url_seconds
        self._compress = compress
        self._url: UploadUrl | None = None

    async def send(self, batch: Sequence[Sample]) -> None:
        """Send a batch; return when the gateway has answered for it, or when the run gives up."""
        self._stats.sent += len(batch)
        body = b"[" + b",".join(sample.data for sample in batch) + b"]"
        began = time.perf_counter()
        after: float | None
        backoff = Backoff(self._rng, longest=MAX_BACKOFF_SECONDS)
        while True:
            match await self._attempt(body, len(batch)):
                case Accepted(refused):
                    self._stats.answered(self._device_id, batch, refused, time.perf_counter() - began)
                    return
                case Split(reason):
                    self._stats.rejected(self._device_id, batch, reason)
                    return
                case Renew(reason):
                    self._url, after = None, None
                case Retry(reason, after):
                    pass
            self._stats.retries += 1
            # Without the details, so that each status is one line of the report.
            self._stats.errors[reason.partition(":")[0]] += 1
            if await self._given_up(backoff.wait(after)):
                self._stats.gave_up(batch)
                return

    async def _attempt(self, body: bytes, count: int) -> Outcome:
        content, headers = encode(body) if self._compress else (body, {"Content-Type": "application/json"})
        try:
            async with self._slots:
                url = await self._current_url()
                answer = await self._http.put(url, content=content, headers=headers)
        except httpx.HTTPStatusError as error:
            return Retry(f"no upload URL ({error.response.status_code})")
        except httpx.TransportError as error:
            return Retry(type(error).__name__)
        return read_answer(answer.status_code, answer.headers, answer.content, count)

    async def _current_url(self) -> str:
        if self._url is None or self._url.is_due(self._now(), self._url_seconds):
            self._url = await self._api.upload_url(self._device_id, self._url_seconds)
        return self._url.url

    async def _given_up(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._give_up.wait(), seconds)
        except TimeoutError:
            return False
        return True
