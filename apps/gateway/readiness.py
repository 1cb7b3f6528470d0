"""Whether the stream can be reached."""

import asyncio
import time
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from apps.platform import aws

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient

CACHE_TTL_SECONDS = 10.0
"""DescribeStreamSummary is limited to 20 calls a second in an account: probes ask more often than that."""


class StreamReadiness:
    """Asks for the stream's state, at most every `CACHE_TTL_SECONDS`."""

    def __init__(self, client: "KinesisClient", stream: str) -> None:
        self._client = client
        self._stream = stream
        self._asked_at: float | None = None
        self._reason: str | None = None
        self._lock = asyncio.Lock()

    async def __call__(self) -> str | None:
        """Return None when the stream is there and active, else what is wrong."""
        async with self._lock:
            if self._asked_at is None or time.monotonic() - self._asked_at > CACHE_TTL_SECONDS:
                self._reason = await asyncio.to_thread(self._ask)
                self._asked_at = time.monotonic()
        return self._reason

    def _ask(self) -> str | None:
        try:
            summary = self._client.describe_stream_summary(StreamName=self._stream)["StreamDescriptionSummary"]
        except (BotoCoreError, ClientError) as error:
            code = aws.error_code(error)
            # A producer's role may put records and nothing else: to be told so is an answer.
            return None if code == "AccessDeniedException" else f"stream {self._stream}: {code}"
        status = summary["StreamStatus"]
        return None if status in {"ACTIVE", "UPDATING"} else f"stream {self._stream} is {status}"
