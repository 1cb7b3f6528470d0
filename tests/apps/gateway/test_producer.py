import asyncio
import random
import threading
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.gateway.errors import NotAcknowledgedError, OverloadedError, ProducerFailedError
from apps.gateway.producer import Producer
from tests.apps.gateway.support import LOST, FaultyKinesis, PutFault, as_client

CODES = ["ThrottlingException", "InternalFailure", "ServiceUnavailable", "ProvisionedThroughputExceededException"]


def no_faults() -> PutFault:
    return PutFault()


def make(
    client: Any,
    *,
    put_timeout_seconds: float = 60,
    max_concurrent_puts: int = 4,
    max_in_flight_bytes: int = 50_000_000,
    on_failure: Callable[[], None] = lambda: None,
    kind: type[Producer] = Producer,
) -> Producer:
    return kind(
        client,
        "s",
        put_timeout_seconds=put_timeout_seconds,
        max_concurrent_puts=max_concurrent_puts,
        max_in_flight_bytes=max_in_flight_bytes,
        rng=random.Random(1),
        on_failure=on_failure,
    )


async def outcomes(tried: Producer, puts: list[list[bytes]]) -> list[BaseException | None]:
    async with tried:
        return await asyncio.gather(
            *(tried.put(f"device-{at}", data) for at, data in enumerate(puts)), return_exceptions=True
        )


@given(
    puts=st.lists(st.integers(1, 3), min_size=1, max_size=30),
    faults=st.lists(st.sampled_from([None, *CODES, LOST]), max_size=4),
    refusals=st.dictionaries(st.integers(0, 40), st.integers(1, 100), max_size=10),
)
@settings(max_examples=30, deadline=None)
def test_exactly_the_puts_whose_records_are_all_acknowledged_succeed(
    puts: list[int], faults: list[str | None], refusals: dict[int, int]
) -> None:
    """Whole calls fail or lose their answer; each record fails by itself as often as `refusals` says, some for ever."""
    pending, failures = list(faults), defaultdict(int, refusals)

    def spoils(entry: Any) -> bool:
        number = int(entry["Data"])
        failures[number] -= 1
        return failures[number] >= 0

    def next_fault() -> PutFault:
        code = pending.pop() if pending else None
        counted: dict[bytes, bool] = {}
        return PutFault(code, spoils=lambda entry: counted.setdefault(entry["Data"], spoils(entry)))

    kinesis = FaultyKinesis(next_fault)
    numbers = iter(range(100))
    data = [[b"%d" % next(numbers) for _ in range(size)] for size in puts]
    ended = asyncio.run(outcomes(make(kinesis, put_timeout_seconds=0.3, max_concurrent_puts=2), data))
    for records, outcome in zip(data, ended, strict=True):
        assert outcome is None or isinstance(outcome, NotAcknowledgedError)
        assert (outcome is None) == all(record in kinesis.acknowledged for record in records)
    assert all(count == 1 for count in kinesis.acknowledged.values())


async def test_concurrent_puts_share_calls() -> None:
    kinesis = FaultyKinesis(no_faults)
    assert set(await outcomes(make(kinesis), [[b"x"]] * 300)) == {None}
    assert len(kinesis.calls) < 10


async def test_no_call_passes_what_kinesis_takes() -> None:
    kinesis = FaultyKinesis(no_faults)
    small, large = [[b"x"]] * 1_200, [[b"x" * 1_000_000]] * 12
    assert set(await outcomes(make(kinesis), small + large)) == {None}
    for call in kinesis.calls:
        assert len(call) <= 500
        assert sum(len(entry["Data"]) + len(entry["PartitionKey"]) for entry in call) <= 5 * 1024 * 1024


async def test_a_record_that_fails_is_put_again_alone() -> None:
    kinesis = FaultyKinesis(lambda: PutFault(spoils=lambda entry: entry["Data"] == b"2" and len(kinesis.calls) == 1))
    assert set(await outcomes(make(kinesis), [[b"1", b"2", b"3"]])) == {None}
    assert [[entry["Data"] for entry in call] for call in kinesis.calls] == [[b"1", b"2", b"3"], [b"2"]]


async def test_backoff_grows_and_is_spread_over_its_whole_length() -> None:
    drawn: list[tuple[float, float]] = []

    class Rng(random.Random):
        def uniform(self, a: float, b: float) -> float:
            drawn.append((a, b))
            return 0

    kinesis = FaultyKinesis(lambda: PutFault(CODES[0]) if len(kinesis.calls) < 8 else PutFault())
    tried = Producer(
        as_client(kinesis), "s", put_timeout_seconds=5, max_concurrent_puts=1, max_in_flight_bytes=10_000_000, rng=Rng()
    )
    assert await outcomes(tried, [[b"x"]]) == [None]
    assert drawn == [(0, min(1.0, 0.05 * 2**failures)) for failures in range(8)]


async def test_a_put_that_gets_no_answer_ends_in_time_and_is_not_put_again() -> None:
    release = threading.Event()

    class Hanging(FaultyKinesis):
        def put_records(self, **arguments: Any) -> Any:
            release.wait(10)
            return super().put_records(**arguments)

    kinesis = Hanging(no_faults)
    async with make(kinesis, put_timeout_seconds=0.2, max_concurrent_puts=1) as tried:
        called = asyncio.create_task(tried.put("a", [b"called"]))
        await asyncio.wait([called], timeout=0.1)
        for put in (called, tried.put("b", [b"waiting"])):
            with pytest.raises(NotAcknowledgedError):
                await asyncio.wait_for(put, 2)
        release.set()
        await tried.put("c", [b"later"])
    assert [entry["Data"] for call in kinesis.calls for entry in call] == [b"called", b"later"]


async def test_what_does_not_fit_is_refused_at_once_and_fits_again_later() -> None:
    release = threading.Event()

    class Hanging(FaultyKinesis):
        def put_records(self, **arguments: Any) -> Any:
            release.wait(10)
            return super().put_records(**arguments)

    async with make(Hanging(no_faults), max_in_flight_bytes=1_000) as tried:
        first = asyncio.create_task(tried.put("a", [b"x" * 900]))
        await asyncio.sleep(0)
        with pytest.raises(OverloadedError):
            await tried.put("b", [b"x" * 200])
        release.set()
        await first
        await tried.put("b", [b"x" * 200])


async def test_a_malformed_answer_fails_the_put_and_not_the_producer() -> None:
    class Odd(FaultyKinesis):
        def put_records(self, **arguments: Any) -> Any:
            answer = super().put_records(**arguments)
            return {"Records": []} if len(self.calls) == 1 else answer

    async with make(Odd(no_faults), put_timeout_seconds=0.3) as tried:
        with pytest.raises(NotAcknowledgedError):
            await tried.put("a", [b"1"])
        await tried.put("a", [b"1"])


class BrokenError(Exception):
    """A fault of our own."""


async def test_a_producer_that_breaks_fails_every_put_at_once_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    release, is_called, breaks = threading.Event(), asyncio.Event(), asyncio.Event()
    failures: list[int] = []

    class Broken(Producer):
        batches = 0

        async def _next_batch(self) -> Any:
            self.batches += 1
            if self.batches == 1:
                return await super()._next_batch()
            is_called.set()
            await breaks.wait()
            raise BrokenError

    class Hanging(FaultyKinesis):
        def put_records(self, **arguments: Any) -> Any:
            release.wait(10)
            return super().put_records(**arguments)

    producer = make(Hanging(no_faults), put_timeout_seconds=60, kind=Broken, on_failure=lambda: failures.append(1))
    async with producer as tried:
        called = asyncio.create_task(tried.put("a", [b"x"]))
        await is_called.wait()
        queued = asyncio.create_task(tried.put("b", [b"x"]))
        await asyncio.sleep(0)
        breaks.set()
        for put in (called, queued):
            with pytest.raises(NotAcknowledgedError):
                await asyncio.wait_for(put, 5)
        with pytest.raises(ProducerFailedError):
            await asyncio.wait_for(tried.put("c", [b"x"]), 5)
        release.set()
    assert failures == [1]
    (record,) = [record for record in caplog.records if record.levelname == "CRITICAL"]
    assert record.exc_info is not None
    assert record.exc_info[0] is BrokenError


async def test_a_producer_that_is_closed_has_not_failed() -> None:
    failures: list[int] = []
    async with make(FaultyKinesis(no_faults), on_failure=lambda: failures.append(1)) as tried:
        await tried.put("a", [b"x"])
    await asyncio.sleep(0)
    assert failures == []


async def test_a_call_that_goes_wrong_by_our_own_fault_fails_its_puts_at_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Odd(FaultyKinesis):
        def put_records(self, **arguments: Any) -> Any:
            raise BrokenError

    async with make(Odd(no_faults), put_timeout_seconds=60) as tried:
        with pytest.raises(NotAcknowledgedError):
            await asyncio.wait_for(tried.put("a", [b"1"]), 5)
    assert "a PutRecords call went wrong" in caplog.text
