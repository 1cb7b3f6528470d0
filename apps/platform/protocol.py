"""HTTP/1.1 with deadlines: whoever sends slowly, or leaves the answer unread, is let go.

uvicorn by itself times a kept-alive connection between two requests and nothing else. What is overridden here is not
its public interface (ADR 13): `check_uvicorn` refuses to start on a uvicorn in which it is another.
"""

import asyncio
import inspect
import socket
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar, cast

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from apps.platform.errors import HeadersTooLargeError, UnsupportedServerError
from apps.platform.timeouts import HttpTimeouts

MAX_HEADER_BYTES = 64 * 1024
MAX_LINGER_BYTES = 32 * 1024 * 1024
"""What is read at most of a body that was answered before its end: many times what any service takes."""
MAX_HANDSHAKE_HEADERS = 128
MAX_HANDSHAKE_LINE = 8_000
"""What the library of WebSockets takes of a handshake."""
MAX_UNSENT_BYTES = 128 * 1024
"""What the kernel may hold of a WebSocket's data that is not on its way yet."""

P = TypeVar("P", bound="_WriteStallGuard")


def with_timeouts(protocol: type[P], timeouts: HttpTimeouts) -> type[P]:
    """Return the protocol with these times: uvicorn makes one itself for each connection."""
    return type(protocol.__name__, (protocol,), {"timeouts": timeouts})


class _WriteStallGuard(asyncio.Protocol):
    """Ends a connection whose full send buffer stands still. A client that reads slowly is left alone."""

    timeouts: ClassVar = HttpTimeouts()
    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    _stalled: asyncio.TimerHandle | None = None
    _unsent_bytes = 0

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop_stall_timer()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Give the client time to read."""
        super().pause_writing()
        self._start_stall_timer()

    def resume_writing(self) -> None:
        """Note that the client reads."""
        self._stop_stall_timer()
        super().resume_writing()

    def _start_stall_timer(self) -> None:
        self._unsent_bytes = self.transport.get_write_buffer_size()
        self._stalled = self.loop.call_later(self.timeouts.write_stall_seconds, self._check_progress)

    def _stop_stall_timer(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _check_progress(self) -> None:
        if self.transport.get_write_buffer_size() < self._unsent_bytes:
            self._start_stall_timer()
        else:
            self.transport.abort()


class DeadlineProtocol(_WriteStallGuard, HttpToolsProtocol):
    """One connection."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._headers_due: asyncio.TimerHandle | None = None
        self._header_bytes = 0
        self._in_body = False
        self._linger_due: asyncio.TimerHandle | None = None
        self._linger_ends = 0.0
        self._lingered = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Give the first request its time."""
        super().connection_made(transport)
        self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop every clock."""
        for due in (self._headers_due, self._linger_due):
            if due is not None:
                due.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser within the limits."""
        if self._linger_due is not None:
            self._lingered += len(data)
            if self._lingered > MAX_LINGER_BYTES:
                self.transport.close()
            else:
                self._await_rest()
            return
        if not self._in_body:
            self._await_headers()
            self._header_bytes += len(data)
        super().data_received(data)
        if self._headers_due is not None and self._header_bytes > MAX_HEADER_BYTES:
            self.transport.write(
                b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            )
            self.transport.close()

    def on_message_begin(self) -> None:
        """Give another request its time."""
        super().on_message_begin()
        self._await_headers()

    def on_headers_complete(self) -> None:
        """Hand the request to the application."""
        # What arrives in one piece was not counted by the piece.
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > MAX_HEADER_BYTES:
            raise HeadersTooLargeError("the headers are beyond all measure")
        if self._headers_due is not None:
            self._headers_due.cancel()
            self._headers_due = None
        self._in_body = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note that the whole request has arrived."""
        self._in_body = False
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """Hand a handshake to the WebSocket's own protocol, which leaves what is none without an answer."""
        names = {name for name, _ in self.headers}
        if (
            self.scope["method"] != "GET"
            or names & {b"content-length", b"transfer-encoding"}
            or len(self.headers) > MAX_HANDSHAKE_HEADERS
            or any(len(name) + len(value) > MAX_HANDSHAKE_LINE for name, value in [*self.headers, (self.url, b"")])
        ):
            self.send_400_response("An upgrade to WebSocket is a GET without a body and with few headers.")
        else:
            super().handle_websocket_upgrade()

    def linger(self) -> None:
        """Close once the client has had time to read an answer that came before the end of its request.

        Nothing is said of it on the connection before: a load balancer or proxy takes an end (FIN) that comes while it
        still sends for a failure of the server, and answers 502 or 500 in its place.
        """
        if self._linger_due is None and not self.transport.is_closing():
            self._linger_ends = self.loop.time() + self.timeouts.linger_total_seconds
            self._await_rest()

    def _await_rest(self) -> None:
        if self._linger_due is not None:
            self._linger_due.cancel()
        due = min(self.loop.time() + self.timeouts.linger_seconds, self._linger_ends)
        self._linger_due = self.loop.call_at(due, self.transport.close)

    def _await_headers(self) -> None:
        if self._headers_due is None:
            self._header_bytes = 0
            self._headers_due = self.loop.call_later(self.timeouts.header_seconds, self._headers_late)

    def _headers_late(self) -> None:
        # As in shutdown(): an answer that is under way is finished first.
        self.shutdown()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGIApp) -> None:  # type: ignore[override]
        cycle.transport = cast("asyncio.Transport", _ResponseTransport(self, cycle))

        async def respond(scope: Scope, receive: Receive, send: Send) -> None:
            async def note_early(message: Message) -> None:
                if message["type"] == "http.response.start" and self._unfinished(cycle):
                    cycle.keep_alive = False
                await send(message)

            await app(scope, receive, note_early)

        super()._start_asgi_task(cycle, cast("Any", respond))

    def _unfinished(self, cycle: RequestResponseCycle) -> bool:
        return self._in_body and self.cycle is cycle


class _ResponseTransport:
    """The transport as one request's answer sees it: closing it lingers while the request is still arriving."""

    def __init__(self, protocol: DeadlineProtocol, cycle: RequestResponseCycle) -> None:
        self._protocol = protocol
        self._cycle = cycle
        self.write = protocol.transport.write
        self.is_closing = protocol.transport.is_closing

    def close(self) -> None:
        if self._protocol._unfinished(self._cycle):
            self._protocol.linger()
        else:
            self._protocol.transport.close()


class DeadlineWebSocketProtocol(_WriteStallGuard, WebSocketsSansIOProtocol):
    """One WebSocket. Whoever asks for none as RFC 6455 says, does not read what is sent, or does not answer a ping, is
    let go at once.

    uvicorn closes such a connection politely, which waits for what was written to be read: for ever, if nobody reads.
    """

    _handshake_due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Give the handshake its time.

        Keep little in the kernel, so that what is unread shows, and a ping does not queue behind megabytes.
        """
        super().connection_made(transport)
        self._handshake_due = self.loop.call_later(self.timeouts.header_seconds, self._end_unless_open)
        connection: socket.socket | None = transport.get_extra_info("socket")
        if connection is not None and hasattr(socket, "TCP_NOTSENT_LOWAT"):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, MAX_UNSENT_BYTES)

    def data_received(self, data: bytes) -> None:
        """Feed the parser. What it cannot read as an upgrade (a body, another method) is answered with 400.

        uvicorn waits for more of it, for ever.
        """
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated and not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop every clock."""
        if self._handshake_due is not None:
            self._handshake_due.cancel()
        super().connection_lost(exc)

    def _end_unless_open(self) -> None:
        if not self.handshake_complete:
            self.transport.abort()

    def keepalive_timeout(self) -> None:
        """End the connection of a client that did not answer a ping; what is unread has a clock of its own."""
        if self._stalled is not None:
            self.schedule_ping()
        else:
            super().keepalive_timeout()
            self.transport.abort()


def check_uvicorn(used: Mapping[type, Mapping[str, tuple[str, ...] | None]]) -> None:
    """Raise UnsupportedServerError unless each class has its methods, with these parameters, and attributes (None)."""
    for owner, members in used.items():
        attributes = inspect.getattr_static(owner, "__init__").__code__.co_names
        for name, parameters in members.items():
            if parameters is None:
                found = name in attributes
            else:
                method = getattr(owner, name, None)
                found = method is not None and tuple(inspect.signature(method).parameters)[1:] == parameters
            if not found:
                raise UnsupportedServerError(
                    f"{owner.__module__}.{owner.__qualname__} has no {name} as apps/platform/protocol.py extends it: "
                    "install the uvicorn of requirements/, or follow its change there (docs/adr/0013)"
                )


USED: Mapping[type, Mapping[str, tuple[str, ...] | None]] = {
    HttpToolsProtocol: {
        "connection_made": ("transport",),
        "connection_lost": ("exc",),
        "data_received": ("data",),
        "on_message_begin": (),
        "on_headers_complete": (),
        "on_message_complete": (),
        "pause_writing": (),
        "resume_writing": (),
        "shutdown": (),
        "handle_websocket_upgrade": (),
        "send_400_response": ("msg",),
        "on_url": ("url",),
        "headers": None,
        "scope": None,
        "_start_asgi_task": ("cycle", "app"),
        "loop": None,
        "transport": None,
        "cycle": None,
    },
    RequestResponseCycle: {"transport": None, "keep_alive": None},
    WebSocketsSansIOProtocol: {
        "connection_made": ("transport",),
        "connection_lost": ("exc",),
        "pause_writing": (),
        "resume_writing": (),
        "keepalive_timeout": (),
        "handshake_complete": None,
        "schedule_ping": (),
        "data_received": ("data",),
        "conn": None,
        "handshake_initiated": None,
        "loop": None,
        "transport": None,
    },
}
"""What is called or overridden here."""

check_uvicorn(USED)
