"""What devices send: a JSON array of readings, perhaps compressed."""

import zlib
from collections.abc import Mapping

import msgspec
from starlette.requests import Request

from apps.domain.errors import TooManyReadingsError
from apps.domain.readings import Validated, parse_readings
from apps.domain.reasons import body_reason
from apps.domain.time_bounds import TimeBounds
from apps.gateway.device_limits import Upload
from apps.gateway.settings import GatewaySettings
from apps.platform.errors import ProblemError
from apps.platform.http import read_body, too_large

GZIP = 16 + zlib.MAX_WBITS


async def read_content(request: Request, settings: GatewaySettings, upload: Upload) -> bytes:
    """Return what a device sent, decompressed. `upload` grows with what arrives, and is as large as the answer then.

    Raises ProblemError 408, 413 or 415 for a body that is too slow, too large or coded otherwise.
    """
    gzipped = check_encoding(request.headers)
    body = await read_body(request, settings.max_body_bytes, settings.body_timeout_seconds, upload.grow)
    if not gzipped:
        return body
    content = gunzip(body, settings.max_decompressed_bytes)
    upload.grow(len(content))
    upload.shrink_to(len(content))
    return content


def check_encoding(headers: Mapping[str, str]) -> bool:
    """Return whether the body is gzipped. Raises ProblemError 415 for any other coding."""
    coding = headers.get("content-encoding", "identity").strip().lower()
    if coding not in {"gzip", "x-gzip", "identity"}:  # x-gzip is gzip: RFC 9110, section 8.4.1.3
        raise ProblemError(
            415,
            f"the body may be gzipped (Content-Encoding: gzip) or plain, not {coding[:40]!r}",
            headers={"Accept-Encoding": "gzip"},
        )
    return coding != "identity"


def gunzip(body: bytes, limit: int) -> bytes:
    """Decompress one gzip member (RFC 1952).

    Raises ProblemError 413 before more than `limit` bytes come out of it, 400 when it is not whole and alone.
    """
    inflater = zlib.decompressobj(GZIP)
    try:
        content = inflater.decompress(body, limit + 1)
    except zlib.error as error:
        plain = ": it is not compressed, send it without Content-Encoding" if body.lstrip()[:1] in (b"[", b"{") else ""
        raise ProblemError(400, f"the body is not gzip{plain or f': {error}'}") from None
    if len(content) > limit:
        raise too_large(limit)
    if not inflater.eof or inflater.unused_data:
        raise ProblemError(400, "the body must be one whole gzip member and nothing else")
    return content


def validate(body: bytes, bounds: TimeBounds, max_readings: int) -> Validated:
    """Return the readings of a JSON array. Raises ProblemError 400 when it is none, 413 for more than are taken."""
    try:
        return parse_readings(body, bounds, max_readings)
    except msgspec.DecodeError as error:
        raise ProblemError(400, f"the body must be a JSON array of readings: {body_reason(body) or error}") from None
    except TooManyReadingsError as error:
        raise ProblemError(413, str(error)) from None
