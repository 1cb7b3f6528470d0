"""One WebSocket connection: subscribe, then a snapshot, then what is new, for as long as the client answers pings."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from apps.api.access import Access, origin_allowed
from apps.api.caller import Caller
from apps.api.errors import DatabaseUnavailableError, SignInUnavailableError
from apps.api.live.hub import Client, Hub
from apps.api.live.messages import Alerts, Message, Pong, Readings, Snapshot, Subscribe
from apps.api.metrics import LIVE_CLOSED
from apps.api.permissions import Permission, Scopes
from apps.domain.plain_reasons import plain_reason
from apps.platform.errors import ProblemError

MAX_MISSED_PONGS = 3
"""A client that answers none of so many pings in a row is let go."""
MAX_ERRORS = 10
CLOSE_SECONDS = 2.0

POLICY_VIOLATION, TRY_AGAIN_LATER = 1008, 1013


class CloseReason(NamedTuple):
    """Why the server ends a connection: the name for the metric, the code of RFC 6455, and words for the client."""

    name: str
    code: int
    text: str


FORBIDDEN_ORIGIN = CloseReason("origin", POLICY_VIOLATION, "pages of this origin may not connect")
WRONG_KEY = CloseReason("key", POLICY_VIOLATION, "the key that was sent is not valid")
UNAVAILABLE = CloseReason("unavailable", TRY_AGAIN_LATER, "nobody can be let in now: try again in a moment")
FULL = CloseReason("full", TRY_AGAIN_LATER, "too many clients: try again later, or poll /api/readings/latest")
SILENT = CloseReason("silent", POLICY_VIOLATION, "no answer to pings: connect again")
NOT_SUBSCRIBED = CloseReason("not_subscribed", POLICY_VIOLATION, 'send {"type":"subscribe"} first')
TOO_MANY_ERRORS = CloseReason("errors", POLICY_VIOLATION, "too many messages that cannot be understood")


def forbidden(permission: Permission) -> CloseReason:
    """Return the reason to end the connection of a client that asks for what it may not have."""
    return CloseReason("forbidden", POLICY_VIOLATION, f"this needs {permission}: sign in, or send a key that has it")


class Live:
    """The endpoint. `origins` besides the host itself may connect from a browser."""

    def __init__(
        self,
        hub: Hub,
        access: Access,
        origins: frozenset[str],
        max_clients: int,
        ping_seconds: float,
        now: Callable[[], datetime],
    ) -> None:
        self._hub = hub
        self._access = access
        self._origins = origins
        self._max_clients = max_clients
        self._ping_seconds = ping_seconds
        self._now = now

    async def serve(self, websocket: WebSocket) -> None:
        """Serve one connection until either side ends it."""
        if not origin_allowed(websocket.headers, self._origins):
            await _close(websocket, FORBIDDEN_ORIGIN)
            return
        try:
            caller = await self._access.identify(websocket)
        except ProblemError:
            await _close(websocket, WRONG_KEY)
            return
        except (DatabaseUnavailableError, SignInUnavailableError):
            await _close(websocket, UNAVAILABLE)
            return
        await websocket.accept()
        if len(self._hub) >= self._max_clients:
            await _close(websocket, FULL)
            return
        client = self._hub.join(caller.labels)
        try:
            reason = await _Session(websocket, client, self._access, caller, self._ping_seconds, self._now).run()
        finally:
            self._hub.leave(client)
        if reason is not None:
            await _close(websocket, reason)


class _Session:
    def __init__(
        self,
        websocket: WebSocket,
        client: Client,
        access: Access,
        caller: Caller,
        ping_seconds: float,
        now: Callable[[], datetime],
    ) -> None:
        self.websocket = websocket
        self.client = client
        self.access = access
        self.caller = caller
        self.ping_seconds = ping_seconds
        self.now = now
        self.missed_pongs = 0

    async def run(self) -> CloseReason | None:
        """Return why the server should end the connection; None when the client is gone."""
        tasks = [asyncio.create_task(work()) for work in (self.receive, self.send, self.ping)]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        # A failure comes before a reason to close: the one task must not hide what went wrong in another.
        for outcome in outcomes:
            if isinstance(outcome, Exception) and not isinstance(outcome, WebSocketDisconnect):
                raise outcome
        return next((outcome for outcome in outcomes if isinstance(outcome, CloseReason)), None)

    async def receive(self) -> CloseReason:
        """Take in the client's messages."""
        errors = 0
        while errors < MAX_ERRORS:
            message = await self.websocket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code", 1006))
            self.missed_pongs = 0
            try:
                decoded = _DECODER.decode(message.get("text") or message.get("bytes") or b"")
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                errors += 1
                is_other = isinstance(error, msgspec.ValidationError)
                reason = plain_reason(error, Subscribe | Pong) if is_other else f"this is not JSON: {error}"
                self.client.send_error(f'{reason}: send {{"type": "subscribe"}} or {{"type": "pong"}}')
            else:
                if missing := _needed(decoded) - self.caller.scopes:
                    return forbidden(min(missing))
                if isinstance(decoded, Subscribe):
                    self.client.subscribe(decoded)
        return TOO_MANY_ERRORS

    async def send(self) -> None:
        """Send what there is, as fast as the client takes it."""
        while True:
            await self.websocket.send_text((await self.client.next()).decode())

    async def ping(self) -> CloseReason:
        """Find out whether the client is there, also while sending waits for it to read."""
        while self.missed_pongs < MAX_MISSED_PONGS:
            await asyncio.sleep(self.ping_seconds)
            if self.client.subscription is None:
                return NOT_SUBSCRIBED
            if (refused := await self.recheck(self.client.subscription)) is not None:
                return refused
            self.missed_pongs += 1
            self.client.ping(self.now())
        return SILENT

    async def recheck(self, subscription: Subscribe) -> CloseReason | None:
        """Return why a client that was let in may stay no longer: its key was revoked, it signed out."""
        try:
            self.caller = await self.access.identify(self.websocket)
        except ProblemError:
            return WRONG_KEY
        except (DatabaseUnavailableError, SignInUnavailableError):
            return None  # there is nothing new to see either
        self.client.labels = self.caller.labels
        missing = _needed(subscription) - self.caller.scopes
        return forbidden(min(missing)) if missing else None


def _needed(message: Subscribe | Pong) -> Scopes:
    """Return what a client must be allowed to send this message and to be sent what it asks for."""
    kinds: list[type[Message]] = [type(message)]
    if isinstance(message, Subscribe):
        kinds += [Snapshot, Readings, *([Alerts] if message.alerts else [])]
    return frozenset(kind.permission for kind in kinds) - {Permission.PUBLIC}


async def _close(websocket: WebSocket, reason: CloseReason) -> None:
    LIVE_CLOSED.labels(reason.name).inc()
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await websocket.close(reason.code, reason.text)
    except (TimeoutError, RuntimeError, WebSocketDisconnect):
        pass  # it is not there to hear it


_DECODER = msgspec.json.Decoder(Subscribe | Pong)
