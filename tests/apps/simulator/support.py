"""A platform that answers a simulation as a test says."""

import gzip
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from apps.platform.http import application
from tests.support.devices import Registry
from tests.support.serving import serving

Answer = Callable[[int, list[Any]], Response]


class Gateway:
    """Answers as a test says, and keeps what it was sent."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.requests: list[tuple[float, str, bytes]] = []

    def application(self) -> Any:
        async def put(request: Request) -> Response:
            body = await request.body()
            self.requests.append((time.monotonic(), str(request.url), body))
            content = gzip.decompress(body) if request.headers.get("content-encoding") == "gzip" else body
            return self.answer(len(self.requests), json.loads(content))

        async def ready() -> None:
            return None

        return application([Route("/ingest/{device_id}", put, methods=["PUT"])], ready)


def accept(_: int, items: list[Any]) -> Response:
    return JSONResponse({"accepted": len(items), "refused": []}, 202)


@contextmanager
def platform(answer: Answer) -> Iterator[tuple[str, Gateway, Registry]]:
    gateway = Gateway(answer)
    with serving(gateway.application()) as base:
        registry = Registry(base)
        with serving(registry.application()) as api:
            yield api, gateway, registry
