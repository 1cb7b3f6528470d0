"""Passes Alertmanager's messages on to webhooks, signed. Alertmanager tries again whatever is answered with 5xx or 429.

Only the monitoring namespace reaches it: the NetworkPolicy of the service says so.
"""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime

import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from apps.notifier import metrics, signatures
from apps.platform.errors import ProblemError
from apps.platform.http import read_body
from apps.platform.secrets import ReloadingSecret

log = logging.getLogger(__name__)

MAX_BYTES = 4_000_000
"""Many times what Alertmanager sends for a group of alerts."""

BODY_SECONDS = 10


class Relay:
    """Signs and sends."""

    def __init__(self, http: httpx.AsyncClient, webhooks: Mapping[str, str], key: ReloadingSecret[bytes]) -> None:
        self._http = http
        self._webhooks = webhooks
        self._key = key
        self.routes = [Route("/webhooks/{receiver}", self._pass_on, methods=["POST"])]

    async def _pass_on(self, request: Request) -> Response:
        receiver = request.path_params["receiver"]
        if receiver not in self._webhooks:
            known = ", ".join(sorted(self._webhooks)) or "none"
            raise ProblemError(404, f"no webhook is called {receiver!r}; there is {known}")
        body = await read_body(request, MAX_BYTES, BODY_SECONDS)
        signed = signatures.headers(signatures.receiver_key(self._key.read(), receiver), body, datetime.now(UTC))
        try:
            answer = await self._http.post(
                self._webhooks[receiver], content=body, headers={"content-type": "application/json", **signed}
            )
        except httpx.HTTPError as error:
            metrics.WEBHOOKS.labels(receiver, "failed").inc()
            raise ProblemError(502, f"{receiver} cannot be reached: {str(error) or type(error).__name__}") from None
        if answer.is_success:
            metrics.WEBHOOKS.labels(receiver, "delivered").inc()
            return Response(status_code=204)
        # Whether it is worth another try is the receiver's to say, and Alertmanager's to do.
        retried = answer.status_code == 429 or answer.status_code >= 500
        metrics.WEBHOOKS.labels(receiver, "failed" if retried else "refused").inc()
        log.warning("%s answered %d", receiver, answer.status_code, extra={"receiver": receiver})
        raise ProblemError(503 if retried else 422, f"{receiver} answered {answer.status_code}")
