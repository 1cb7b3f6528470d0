"""One WebSocket connection: subscribe, then a snapshot, then what is new, for as long as the client answers pings."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from apps.api.access import origin_allowed
from apps.api.live.hub import Client, Hub
from apps.api.live.messages import Pong, Subscribe
from apps.api.metrics import LIVE_CLOSED

PING_SECONDS = 10.0
SILENT_PINGS = 3
"""A client that answers none of so many pings in a row is let go."""
MOST_ERRORS = 10
CLOSE_SECONDS = 2.0

POLICY_VIOLATION, TRY_AGAIN_LATER = 1008, 1013


class Closing(NamedTuple):
    """Why the server ends a connection: the name for the metric, the code of RFC 6455, and words for the client."""

    name: str
    code: int
    reason: str


FORBIDDEN_ORIGIN = Closing("origin", POLICY_VIOLATION, "pages of this origin may not connect")
FULL = Closing("full", TRY_AGAIN_LATER, "too many clients: try again later, or poll /api/readings/latest")
SILENT = Closing("silent", POLICY_VIOLATION, "no answer to pings: connect again")
NOT_SUBSCRIBED = Closing("not_subscribed", POLICY_VIOLATION, 'send {"type":"subscribe"} first')
TOO_MANY_ERRORS = Closing("errors", POLICY_VIOLATION, "too many messages that cannot be understood")


class Live:
    """The endpoint. `origins` besides the host itself may connect from a browser."""

    def __init__(self, hub: Hub, origins: frozenset[str], most_clients: int, now: Callable[[], datetime]) -> None:
        self._hub = hub
        self._origins = origins
        self._most_clients = most_clients
        self._now = now

    async def serve(self, websocket: WebSocket) -> None:
        """Serve one connection until either side ends it."""
        if not origin_allowed(websocket.headers, self._origins):
            await _close(websocket, FORBIDDEN_ORIGIN)
            return
        await websocket.accept()
        if len(self._hub) >= self._most_clients:
            await _close(websocket, FULL)
            return
        client = self._hub.join()
        try:
            closing = await _Session(websocket, client, self._now).run()
        finally:
            self._hub.leave(client)
        if closing is not None:
            await _close(websocket, closing)


class _Session:
    def __init__(self, websocket: WebSocket, client: Client, now: Callable[[], datetime]) -> None:
        self.websocket = websocket
        self.client = client
        self.now = now
        self.unanswered = 0

    async def run(self) -> Closing | None:
        """Return why the server should end the connection; None when the client is gone."""
        tasks = [asyncio.create_task(work()) for work in (self.receive, self.send, self.ping)]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, Closing):
                return outcome
            if isinstance(outcome, Exception) and not isinstance(outcome, WebSocketDisconnect):
                raise outcome
        return None

    async def receive(self) -> Closing:
        """Take in the client's messages."""
        errors = 0
        while errors < MOST_ERRORS:
            message = await self.websocket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code", 1006))
            self.unanswered = 0
            try:
                read = _DECODER.decode(message.get("text") or message.get("bytes") or b"")
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                errors += 1
                self.client.complain(f'{error}: send {{"type": "subscribe"}} or {{"type": "pong"}}')
            else:
                if isinstance(read, Subscribe):
                    self.client.subscribe(read)
        return TOO_MANY_ERRORS

    async def send(self) -> None:
        """Send what there is, as fast as the client takes it."""
        while True:
            await self.websocket.send_text((await self.client.next()).decode())

    async def ping(self) -> Closing:
        """Find out whether the client is there, also while sending waits for it to read."""
        while self.unanswered < SILENT_PINGS:
            await asyncio.sleep(PING_SECONDS)
            if self.client.subscription is None:
                return NOT_SUBSCRIBED
            self.unanswered += 1
            self.client.ping(self.now())
        return SILENT


async def _close(websocket: WebSocket, closing: Closing) -> None:
    LIVE_CLOSED.labels(closing.name).inc()
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await websocket.close(closing.code, closing.reason)
    except (TimeoutError, RuntimeError, WebSocketDisconnect):
        pass  # it is not there to hear it


_DECODER = msgspec.json.Decoder(Subscribe | Pong)
