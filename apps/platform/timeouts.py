"""How long a client may take, and a server to stop."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpTimeouts:
    """The times of one HTTP server. What a body may take, each handler says to `apps.platform.http.read_body`."""

    header_seconds: float = 10.0
    """From the connection, or from a request's first byte, to the last byte of its headers."""
    write_stall_seconds: float = 15.0
    """That a full send buffer may stand still."""
    linger_seconds: float = 2.0
    """That the rest of a body may stand still after it was answered before its end. It is read and thrown away: closing
    at once would reset the connection and could take the answer with it (RFC 9112, section 9.6)."""
    linger_total_seconds: float = 4.0
    """That such a rest is read in all: with the 10 s that a body may take, a trickling client is gone within 15 s."""
    graceful_shutdown_seconds: int = 15
    """For the requests under way when the process is told to stop."""
