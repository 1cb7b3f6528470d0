"""One device's connection: PUTs batches one after the other and repeats each until its fate is known."""

import asyncio
import gzip
import random
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from http import HTTPStatus

import httpx
import msgspec

from apps.simulator.client import ApiClient, UploadUrl
from apps.simulator.fleet import Sample
from apps.simulator.stats import Answer, Stats

INITIAL_BACKOFF_SECONDS = 0.2
MAX_BACKOFF_SECONDS = 10.0
RENEWAL_SHARE = 0.1
"""A URL is renewed when this share of its life is left."""


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
        failures = 0
        while True:
            try:
                answer = await self._attempt(body)
                break
            except RetryableError as error:
                self._stats.retries += 1
                self._stats.errors[str(error)] += 1
                max_delay = min(MAX_BACKOFF_SECONDS, INITIAL_BACKOFF_SECONDS * 2**failures)
                failures += 1
                if await self._given_up(error.retry_after or self._rng.uniform(0, max_delay)):
                    self._stats.gave_up(batch)
                    return
        if answer.status_code in {HTTPStatus.ACCEPTED, HTTPStatus.UNPROCESSABLE_ENTITY}:
            read = msgspec.json.decode(answer.content, type=Answer)
            self._stats.answered(self._device_id, batch, read, time.perf_counter() - began)
        else:
            self._stats.rejected(self._device_id, batch, f"{answer.status_code}: {answer.text[:200]}")

    async def _attempt(self, body: bytes) -> httpx.Response:
        try:
            async with self._slots:
                url = await self._current_url()
                if self._compress:
                    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
                    answer = await self._http.put(url, content=gzip.compress(body, 1), headers=headers)
                else:
                    answer = await self._http.put(url, content=body, headers={"Content-Type": "application/json"})
        except httpx.HTTPStatusError as error:
            raise RetryableError(f"no upload URL: {error.response.status_code}") from None
        except httpx.TransportError as error:
            raise RetryableError(type(error).__name__) from None
        if answer.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            self._url = None
            raise RetryableError(f"{answer.status_code}: the upload URL was refused")
        if answer.status_code in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS} or answer.is_server_error:
            after = answer.headers.get("Retry-After", "")
            raise RetryableError(f"status {answer.status_code}", int(after) if after.isdecimal() else None)
        return answer

    async def _current_url(self) -> str:
        if self._url is None or self._url.expires_at - self._now() < timedelta(
            seconds=RENEWAL_SHARE * self._url_seconds
        ):
            self._url = await self._api.upload_url(self._device_id, self._url_seconds)
        return self._url.url

    async def _given_up(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._give_up.wait(), seconds)
        except TimeoutError:
            return False
        return True


class RetryableError(Exception):
    """The batch must be sent again: it was refused for now, or its fate is unknown."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
