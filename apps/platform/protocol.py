"""HTTP/1.1 with deadlines: whoever sends slowly, or leaves the answer unread, is let go.

uvicorn by itself times a kept-alive connection between two requests and nothing else. The time that a body may take
is the handler's (`apps.platform.http.read_body`).
"""

import asyncio
import socket
from typing import Any, cast

from uvicorn._types import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, ASGISendEvent, Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

HEADER_SECONDS = 10.0
"""Time from the connection, or from a request's first byte, to the last byte of its headers."""
HEADER_BYTES = 64 * 1024
UNREAD_SECONDS = 15.0
"""Time that a full send buffer may stand still."""
UNSENT_BYTES = 128 * 1024
"""What the kernel may hold of a WebSocket's data that is not on its way yet."""
LINGER_SECONDS = 2.0
LINGER_BYTES = 256 * 1024
"""What is still read, and thrown away, of a body that was answered before its end: closing at once would reset the
connection and could take the answer with it (RFC 9112, section 9.6)."""


class DeadlineProtocol(HttpToolsProtocol):
    """One connection."""

    _unread: "_Unread"

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._headers_due: asyncio.TimerHandle | None = None
        self._header_bytes = 0
        self._in_body = False
        self._linger_due: asyncio.TimerHandle | None = None
        self._lingered = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Give the first request its time."""
        super().connection_made(transport)
        self._unread = _Unread(self.loop, transport)
        self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop every clock."""
        for due in (self._headers_due, self._linger_due):
            if due is not None:
                due.cancel()
        self._unread.stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser within the limits."""
        if self._linger_due is not None:
            self._lingered += len(data)
            if self._lingered > LINGER_BYTES:
                self.transport.close()
            return
        if not self._in_body:
            self._await_headers()
            self._header_bytes += len(data)
        super().data_received(data)
        if self._headers_due is not None and self._header_bytes > HEADER_BYTES:
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
        if self._headers_due is not None:
            self._headers_due.cancel()
            self._headers_due = None
        self._in_body = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note that the whole request has arrived."""
        self._in_body = False
        super().on_message_complete()

    def pause_writing(self) -> None:
        """Give the client time to read."""
        super().pause_writing()
        self._unread.start()

    def resume_writing(self) -> None:
        """Note that the client reads."""
        self._unread.stop()
        super().resume_writing()

    def linger(self) -> None:
        """Close once the client has had time to read an answer that came before the end of its request."""
        if self._linger_due is None and not self.transport.is_closing():
            self.transport.write_eof()
            self._linger_due = self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def _await_headers(self) -> None:
        if self._headers_due is None:
            self._header_bytes = 0
            self._headers_due = self.loop.call_later(HEADER_SECONDS, self._headers_late)

    def _headers_late(self) -> None:
        # As in shutdown(): an answer that is under way is finished first.
        self.shutdown()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        cycle.transport = cast("asyncio.Transport", _AnsweringTransport(self, cycle))

        async def answer(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
            async def note_early(message: ASGISendEvent) -> None:
                if message["type"] == "http.response.start" and self._unfinished(cycle):
                    cycle.keep_alive = False
                await send(message)

            await app(scope, receive, note_early)

        super()._start_asgi_task(cycle, answer)

    def _unfinished(self, cycle: RequestResponseCycle) -> bool:
        return self._in_body and self.cycle is cycle


class _AnsweringTransport:
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


class DeadlineWebSocketProtocol(WebSocketsSansIOProtocol):
    """One WebSocket. Who does not read what is sent, or does not answer a ping, is let go at once.

    uvicorn closes such a connection politely, which waits for what was written to be read: for ever, if nobody reads.
    """

    _unread: "_Unread"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep little in the kernel, so that what is unread shows, and a ping does not queue behind megabytes."""
        super().connection_made(transport)
        self._unread = _Unread(self.loop, self.transport)
        connection: socket.socket | None = transport.get_extra_info("socket")
        if connection is not None and hasattr(socket, "TCP_NOTSENT_LOWAT"):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._unread.stop()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Give the client time to read."""
        super().pause_writing()
        self._unread.start()

    def resume_writing(self) -> None:
        """Note that the client reads."""
        self._unread.stop()
        super().resume_writing()

    def keepalive_timeout(self) -> None:
        """End the connection of a client that did not answer a ping; what is unread has a clock of its own."""
        if self._unread.running:
            self.schedule_ping()
        else:
            super().keepalive_timeout()
            self.transport.abort()


class _Unread:
    """Ends a connection whose full send buffer stands still. A client that reads slowly is left alone."""

    def __init__(self, loop: asyncio.AbstractEventLoop, transport: asyncio.Transport) -> None:
        self._loop = loop
        self._transport = transport
        self._due: asyncio.TimerHandle | None = None
        self._bytes = 0

    @property
    def running(self) -> bool:
        return self._due is not None

    def start(self) -> None:
        self._bytes = self._transport.get_write_buffer_size()
        self._due = self._loop.call_later(UNREAD_SECONDS, self._check)

    def stop(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _check(self) -> None:
        if self._transport.get_write_buffer_size() < self._bytes:
            self.start()
        else:
            self._transport.abort()
