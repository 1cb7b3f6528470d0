"""`python -m delivery.smoke`: whether a deployed environment works, found out as a device and a person would.

A device is registered and sends a reading over the public way in. The reading must be seen live, over a WebSocket, and
in the API, within `LIMIT_SECONDS`.
"""

import argparse
import asyncio
import json
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import boto3
import httpx
from botocore.exceptions import BotoCoreError, ClientError
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from delivery.errors import SmokeError
from stacks.config import ROOT, load_environment
from stacks.errors import StackConfigError

FAILED, NOT_USABLE = 1, 2

DEVICE = {"device_id": "smoke-test", "kind": "smoke-test", "name": "Smoke test of deployments"}
METRIC = "smoke_test"
LIMIT_SECONDS = 10
"""From the answer to the device until the reading is seen."""


@dataclass(frozen=True, slots=True)
class Target:
    """An environment: where people and devices reach it, and a key that may register a device and read."""

    url: str
    key: str


class SmokeTest:
    """The steps, each told by `say` with the seconds that it took."""

    def __init__(self, target: Target, value: float, say: Callable[[str], None] = print) -> None:
        self._base = target.url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {target.key}"}
        self._value = value
        self._say = say

    async def run(self) -> None:
        """Do every step. Raises SmokeError, which says which one failed and what was found instead."""
        async with httpx.AsyncClient(timeout=LIMIT_SECONDS) as http:
            async with self._step("the dashboard is served"):
                # A login answers with a way to it, or refuses.
                self._expect(await http.get(self._base + "/"), 200, 302, 401)
            async with self._step("the API registers a device"):
                await self._api(http, "POST", "/devices", DEVICE, 201, 409)
            async with self._step("the API signs an upload URL"):
                url = await self._api(http, "POST", f"/devices/{DEVICE['device_id']}/upload-url", {}, 200)
            async with connect(self._live, additional_headers=self._headers, open_timeout=LIMIT_SECONDS) as live:
                async with self._step("the API streams"):
                    await live.send(json.dumps({"type": "subscribe", "device_ids": [DEVICE["device_id"]]}))
                    await self._next(live, "snapshot")
                async with self._step("the gateway takes a reading"):
                    reading = {"metric": METRIC, "ts": datetime.now(UTC).isoformat(), "value": self._value}
                    self._expect(await http.put(url["url"], json=[reading]), 202)
                async with self._step("the reading is seen live"):
                    await self._until_seen(live)
            async with self._step("the reading is in the API"):
                latest = await self._api(http, "GET", f"/readings/latest?device_id={DEVICE['device_id']}", None, 200)
                if not self._is_in(latest["items"]):
                    raise SmokeError(f"{self._value} is not among the newest readings: {latest['items']}")

    @asynccontextmanager
    async def _step(self, what: str) -> AsyncIterator[None]:
        began = time.monotonic()
        try:
            async with asyncio.timeout(LIMIT_SECONDS):
                yield
        except TimeoutError:
            raise SmokeError(f"{what}: not within {LIMIT_SECONDS} s") from None
        except (httpx.HTTPError, OSError, WebSocketException) as error:
            raise SmokeError(f"{what}: {type(error).__name__}: {error}") from None
        except SmokeError as error:
            raise SmokeError(f"{what}: {error}") from None
        self._say(f"{time.monotonic() - began:5.2f} s  {what}")

    async def _api(self, http: httpx.AsyncClient, method: str, path: str, body: object, *wanted: int) -> Any:
        answer = await http.request(method, f"{self._base}/api{path}", json=body, headers=self._headers)
        self._expect(answer, *wanted)
        return answer.json()

    def _expect(self, answer: httpx.Response, *wanted: int) -> None:
        if answer.status_code not in wanted:
            reason = HTTPStatus(answer.status_code).phrase
            raise SmokeError(f"{answer.status_code} {reason} instead of {wanted[0]}: {answer.text[:300]}")

    @property
    def _live(self) -> str:
        return self._base.replace("http", "ws", 1) + "/api/live"

    async def _next(self, live: AsyncIterable[str | bytes], kind: str) -> dict[str, Any]:
        async for message in live:
            said: dict[str, Any] = json.loads(message)
            if said["type"] == kind:
                return said
        raise SmokeError(f"the connection ended before a {kind} came")

    async def _until_seen(self, live: AsyncIterable[str | bytes]) -> None:
        while not self._is_in((await self._next(live, "readings"))["readings"]):
            pass

    def _is_in(self, readings: list[dict[str, Any]]) -> bool:
        return any((one["metric"], one["value"]) == (METRIC, self._value) for one in readings)


def deployed(stack: str) -> Target:
    """Return the target that a stack is. Raises SmokeError, StackConfigError."""
    config = load_environment(stack)
    command = ["pulumi", "stack", "output", "--json", "--stack", stack]
    try:
        told = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        outputs = json.loads(told)
        secrets = boto3.client("secretsmanager", region_name=config.region)
        return Target(outputs["url"], secrets.get_secret_value(SecretId=outputs["operatorTokenSecret"])["SecretString"])
    except FileNotFoundError:
        raise SmokeError("pulumi is not on PATH: give --url and --key-file instead") from None
    except subprocess.CalledProcessError as error:
        raise SmokeError(f"the outputs of {stack} cannot be read: {error.stderr.strip()}") from None
    except (KeyError, ValueError):
        raise SmokeError(f"{stack} exports no url and operatorTokenSecret: is it up?") from None
    except (BotoCoreError, ClientError) as error:
        raise SmokeError(f"the key of {stack} cannot be read: {error}") from None


def main(arguments: list[str] | None = None) -> int:
    """Return 0, 1 when a step failed, 2 when there is nothing to test."""
    parser = argparse.ArgumentParser(
        prog="python -m delivery.smoke",
        description="Registers a device in an environment, sends a reading as a device does, and sees it arrive.",
        epilog="exit code: 0, 1 when a step failed, 2 when the environment cannot be found",
    )
    parser.add_argument("stack", nargs="?", metavar="STACK", help="an environment that is up, for example dev")
    parser.add_argument("--url", help="instead of a stack: where it is, for example http://127.0.0.1:8080")
    parser.add_argument("--key-file", type=Path, metavar="FILE", help="holds a key that may register devices and read")
    chosen = parser.parse_args(arguments)
    if (chosen.stack is None) == (chosen.url is None) or (chosen.url is None) != (chosen.key_file is None):
        parser.error("give either a stack, or --url and --key-file")
    try:
        target = deployed(chosen.stack) if chosen.stack else Target(chosen.url, chosen.key_file.read_text().strip())
    except (SmokeError, StackConfigError, OSError) as error:
        print(f"smoke test: {error}", file=sys.stderr)
        return NOT_USABLE
    value = random.SystemRandom().randrange(10**9) / 1000
    try:
        asyncio.run(SmokeTest(target, value).run())
    except SmokeError as error:
        print(f"smoke test: {target.url}: {error}", file=sys.stderr)
        return FAILED
    print(f"{target.url} works")
    return 0


if __name__ == "__main__":
    sys.exit(main())
