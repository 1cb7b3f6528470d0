"""Alertmanager's API: every replica is told of every alert, because they tell each other nothing but what they sent."""

import asyncio
import logging
import socket
from collections.abc import Sequence

import httpx
import msgspec

from apps.notifier.errors import UndeliveredError
from apps.notifier.wording import AlertmanagerAlert

log = logging.getLogger(__name__)

BATCH_SIZE = 500
"""Alerts of one request."""


class Alertmanager:
    """Every replica that answers under one URL."""

    def __init__(self, http: httpx.AsyncClient, url: str) -> None:
        self._http = http
        self._url = httpx.URL(url)

    async def post(self, alerts: Sequence[AlertmanagerAlert]) -> None:
        """Hand over the alerts. Raises UndeliveredError when no replica took them all; one that did not is logged."""
        replicas = await self._replicas()
        reasons = await asyncio.gather(*(self._post_to(replica, alerts) for replica in replicas))
        failed = {str(replica): reason for replica, reason in zip(replicas, reasons, strict=True) if reason}
        if len(failed) == len(replicas):
            raise UndeliveredError(f"no Alertmanager took the alerts: {failed}")
        for replica, reason in failed.items():
            log.warning("%s did not take the alerts: %s", replica, reason)

    async def _replicas(self) -> list[httpx.URL]:
        """Return the URL of each: a headless Service has an address for each replica."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(self._url.host, self._url.port or 80, type=socket.SOCK_STREAM)
        except OSError as error:
            raise UndeliveredError(f"{self._url.host} has no address: {error.strerror}") from None
        return [self._url.copy_with(host=host) for host in sorted({str(address[0]) for *_, address in found})]

    async def _post_to(self, replica: httpx.URL, alerts: Sequence[AlertmanagerAlert]) -> str | None:
        """Return None, or why it did not take them."""
        try:
            # An empty post too: it tells whether anybody would hear.
            for start in range(0, max(len(alerts), 1), BATCH_SIZE):
                body = msgspec.json.encode(alerts[start : start + BATCH_SIZE])
                answer = await self._http.post(
                    replica.join("/api/v2/alerts"), content=body, headers={"content-type": "application/json"}
                )
                if not answer.is_success:
                    return f"{answer.status_code} {answer.text[:300]}"
        except httpx.HTTPError as error:
            return str(error) or type(error).__name__
        return None
