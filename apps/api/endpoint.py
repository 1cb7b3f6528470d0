"""Serves the declared operations: one ASGI endpoint for each path."""

from collections.abc import AsyncIterator, Iterable
from hashlib import blake2b
from http import HTTPMethod
from typing import Any

import msgspec
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from apps.api.context import Context
from apps.api.operation import JSON, JsonResponse, Operation, RawBody, Router
from apps.api.parameters import read_query, read_value, unknown_parameter
from apps.domain.errors import InvalidInputError
from apps.domain.exactness import check_as_written
from apps.domain.plain_reasons import plain_reason
from apps.platform.errors import ProblemError
from apps.platform.http import read_body

BODY_SECONDS = 15.0
MIN_COMPRESSED_BYTES = 1024
"""What is shorter fits a packet as it is."""
COMPRESSION_LEVEL = 4
"""The first page of a fleet, 155 kB, becomes 43 kB in 2 ms; the highest level takes nine times as long for 37 kB."""


def routes(context: Context, routers: Iterable[Router], prefix: str) -> list[Route]:
    """Return a route for each path, fixed paths before those with parameters."""
    by_path: dict[str, dict[str, Operation]] = {}
    for operation in (operation for router in routers for operation in router.operations):
        by_path.setdefault(operation.path, {})[operation.method] = operation
    fixed_first = sorted(by_path.items(), key=lambda item: "{" in item[0])
    return [Route(prefix + path, _Endpoint(context, methods)) for path, methods in fixed_first]


class _Endpoint:
    """Every operation of one path."""

    def __init__(self, context: Context, operations: dict[str, Operation]) -> None:
        self.context = context
        self.operations = operations
        implied = ["OPTIONS", "HEAD"] if "GET" in operations else ["OPTIONS"]
        self.allow = ", ".join(sorted([*operations, *implied]))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._respond(Request(scope, receive))
        answer: ASGIApp = response
        if _may_be_compressed(scope["method"], response):
            answer = GZipMiddleware(response, MIN_COMPRESSED_BYTES, COMPRESSION_LEVEL)
        await answer(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        method = request.method
        if method == HTTPMethod.OPTIONS:
            return Response(status_code=204, headers={"Allow": self.allow})
        operation = self.operations.get(HTTPMethod.GET if method == HTTPMethod.HEAD else method)
        if operation is None:
            raise ProblemError(405, f"this path takes {self.allow}", headers={"Allow": self.allow})
        return await _answer(self.context, operation, request)


def _may_be_compressed(method: str, response: Response) -> bool:
    """Whether an answer may be sent with gzip to who takes it.

    Not a stream, which is sent as it is made; not what a strong ETag names, which is these very bytes; and nothing
    secret, since the length of what is compressed tells of its contents (BREACH): secrets are answers to POST alone.
    """
    return (
        method in {HTTPMethod.GET, HTTPMethod.HEAD}
        and not isinstance(response, StreamingResponse)
        and response.headers.get("etag", "W/").startswith("W/")
    )


async def _answer(context: Context, operation: Operation, request: Request) -> Response:
    caller = await context.device_access.identify(request) or await context.access.identify(request)
    caller.check(operation.permission)
    if operation.rate is not None:
        context.rates.count(operation.handler.__name__, caller.actor, operation.rate)
    arguments: dict[str, Any] = {
        name: read_value(name, request.path_params[name], kind) for name, kind in operation.path_parameters.items()
    }
    given = request.query_params.multi_items()
    if operation.query is not None:
        arguments["query"] = read_query(operation.query, given)
    elif given:
        raise unknown_parameter(given[0][0], ())
    for name, header in operation.headers.items():
        if (text := request.headers.get(header.name)) is not None:
            arguments[name] = read_value(header.name, text, header.kind)
    if operation.takes_caller:
        arguments["caller"] = caller
    if operation.body is not None:
        arguments["body"] = await _read_body(operation, request)
    result = await operation.handler(context, **arguments)
    if isinstance(result, Response):
        if request.method == HTTPMethod.HEAD and isinstance(result, StreamingResponse):
            result.body_iterator = _nothing()
        return result
    response = result if isinstance(result, JsonResponse) else JsonResponse(result)
    if not operation.produces:
        return Response(status_code=operation.status, headers=dict(response.headers))
    content = msgspec.json.encode(response.value)
    headers = dict(response.headers)
    if operation.etag:
        headers.setdefault("ETag", f'W/"{blake2b(content, digest_size=12).hexdigest()}"')
        headers.setdefault("Cache-Control", "no-cache")
        if _matches(request.headers.get("if-none-match"), headers["ETag"]):
            return Response(status_code=304, headers={**headers, "Vary": "Accept-Encoding"})
    return Response(content, operation.status, headers, media_type=next(iter(operation.produces)))


async def _nothing() -> AsyncIterator[bytes]:
    yield b""


async def _read_body(operation: Operation, request: Request) -> Any:
    media = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
    if media not in operation.consumes:
        raise ProblemError(
            415,
            f"the body's Content-Type is {media[:80]!r}: send {' or '.join(operation.consumes)}",
            headers={"Accept": ", ".join(operation.consumes)},
        )
    content = await read_body(request, operation.body_limit, BODY_SECONDS)
    if operation.body is RawBody:
        return RawBody(media, content)
    try:
        body = msgspec.json.decode(content, type=operation.body)
        check_as_written(content)
        return body
    except msgspec.ValidationError as error:
        raise ProblemError(422, plain_reason(error, operation.body)) from None
    except InvalidInputError as error:
        raise ProblemError(422, str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProblemError(400, f"the body is not JSON: {error}") from None


def _matches(if_none_match: str | None, etag: str) -> bool:
    """Compare weakly, as RFC 9110 section 13.1.2 wants it."""
    if if_none_match is None:
        return False
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return "*" in tags or etag.removeprefix("W/") in tags
