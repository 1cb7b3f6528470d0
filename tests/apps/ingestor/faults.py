"""Faults on request: at the n-th call of the database or the stream, or at a share of all calls."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from enum import Enum
from typing import Any

import asyncpg
from botocore.exceptions import ClientError

from apps.ingestor.stream import KinesisStream


class Fault(Enum):
    """What happens at a call, before it is sent or after it was carried out."""

    DIES_BEFORE = "the process dies before the call"
    DIES_AFTER = "the process dies after the call, not knowing that it was done"
    FAILS_BEFORE = "the call fails and was not done"
    FAILS_AFTER = "the call was done and is reported as failed"

    @property
    def dies(self) -> bool:
        return self in (Fault.DIES_BEFORE, Fault.DIES_AFTER)

    @property
    def after(self) -> bool:
        return self in (Fault.DIES_AFTER, Fault.FAILS_AFTER)


class Calls:
    """Notes calls by name; `fault` happens once, at the first call of which `when(number, name)` is true.

    `died` is set when the process should end.
    """

    def __init__(self, fault: Fault, when: Callable[[int, str], bool] = lambda number, name: False) -> None:
        self.fault = fault
        self.when = when
        self.names: list[str] = []
        self.struck_at: str | None = None
        self.died = asyncio.Event()

    async def run(self, name: str, call: Callable[[], Awaitable[Any]], connection: Any = None) -> Any:
        if self.died.is_set():
            await asyncio.Future()
        struck = self.struck_at is None and self.when(len(self.names), name)
        self.names.append(name)
        if struck:
            self.struck_at = name
        if struck and not self.fault.after:
            await self._strike(connection)
        answer = await call()
        if struck and self.fault.after:
            await self._strike(connection)
        return answer

    async def _strike(self, connection: Any) -> None:
        if self.fault.dies:
            self.died.set()
            await asyncio.Future()
        if connection is not None:
            connection.terminate()
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")

    def connection_class(self) -> type[asyncpg.Connection]:
        """Return a kind of connection whose calls are counted."""
        calls = self

        class Counted(asyncpg.Connection):
            async def execute(self, query: str, *args: Any, **options: Any) -> Any:
                return await calls.run(_name(query), lambda: _of(self).execute(query, *args, **options), self)

            async def fetch(self, query: str, *args: Any, **options: Any) -> Any:
                return await calls.run(_name(query), lambda: _of(self).fetch(query, *args, **options), self)

            async def fetchval(self, query: str, *args: Any, **options: Any) -> Any:
                return await calls.run(_name(query), lambda: _of(self).fetchval(query, *args, **options), self)

            async def fetchrow(self, query: str, *args: Any, **options: Any) -> Any:
                return await calls.run(_name(query), lambda: _of(self).fetchrow(query, *args, **options), self)

            async def copy_records_to_table(self, table: str, **options: Any) -> Any:  # type: ignore[override]
                return await calls.run(f"COPY {table}", lambda: _of(self).copy_records_to_table(table, **options), self)

        def _of(connection: Counted) -> Any:
            return super(Counted, connection)

        return Counted

    def stream_class(self) -> type[KinesisStream]:
        """Return a kind of stream whose calls are counted."""
        calls = self

        class Counted(KinesisStream):
            async def _call(self, call: Any, *args: Any, **kwargs: Any) -> Any:
                sent = super()._call
                return await calls.run(call.__name__, lambda: sent(call, *args, **kwargs))

        return Counted


def _name(query: str) -> str:
    return " ".join(query.split()[:3])


class FaultyKinesis:
    """A client of which a share of the calls fails with one of `codes`, by default as AWS's fault injection fails."""

    CODES = (
        "InternalFailure",
        "ThrottlingException",
        "ServiceUnavailable",
        "ProvisionedThroughputExceededException",
        "ExpiredIteratorException",
    )

    def __init__(self, client: Any, share: float, seed: int, codes: Sequence[str] = CODES) -> None:
        self.client = client
        self.share = share
        self.codes = codes
        self.rng = random.Random(seed)
        self.failed: list[str] = []

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.client, name)

        def call(**arguments: Any) -> Any:
            if self.rng.random() < self.share:
                code = self.rng.choice(self._codes_of(name))
                self.failed.append(code)
                status = 500 if code in ("InternalFailure", "ServiceUnavailable") else 400
                answer: Any = {
                    "Error": {"Code": code, "Message": "injected"},
                    "ResponseMetadata": {"HTTPStatusCode": status},
                }
                raise ClientError(answer, name)
            return method(**arguments)

        call.__name__ = name
        return call

    def _codes_of(self, call: str) -> list[str]:
        return [code for code in self.codes if call == "get_records" or code != "ExpiredIteratorException"]
