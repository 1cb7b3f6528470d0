import asyncio
import random
import threading
from collections import defaultdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.gateway.producer import NotAcknowledgedError, Producer
from apps.gateway.room import NoRoomError
from tests.apps.gateway.support import LOST, Fault, FaultyKinesis

CODES = ["ThrottlingException", "InternalFailure", "ServiceUnavailable", "ProvisionedThroughputExceededException"]


def no_faults() -> Fault:
    return Fault()


def make(client: Any, *, put_seconds: float = 2, calls: int = 4, waiting_bytes: int = 50_000_000) -> Producer:
    return Producer(
        client, "s", put_seconds=put_seconds, calls=calls, waiting_bytes=waiting_bytes, chance=random.Random(1)
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

    def next_fault() -> Fault:
        code = pending.pop() if pending else None
        counted: dict[bytes, bool] = {}
        return Fault(code, spoils=lambda entry: counted.setdefault(entry["Data"], spoils(entry)))

    kinesis = FaultyKinesis(next_fault)
    numbers = iter(range(100))
    data = [[b"%d" % next(numbers) for _ in range(size)] for size in puts]
    ended = asyncio.run(outcomes(make(kinesis, put_seconds=0.3, calls=2), data))
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
    kinesis = FaultyKinesis(lambda: Fault(spoils=lambda entry: entry["Data"] == b"2" and len(kinesis.calls) == 1))
    assert set(await outcomes(make(kinesis), [[b"1", b"2", b"3"]])) == {None}
    assert [[entry["Data"] for entry in call] for call in kinesis.calls] == [[b"1", b"2", b"3"], [b"2"]]


async def test_backoff_grows_and_is_spread_over_its_whole_length() -> None:
    drawn: list[tuple[float, float]] = []

    class Chance(random.Random):
        def uniform(self, a: float, b: float) -> float:
            drawn.append((a, b))
            return 0

    kinesis = FaultyKinesis(lambda: Fault(CODES[0]) if len(kinesis.calls) < 8 else Fault())
    tried = Producer(kinesis, "s", put_seconds=5, calls=1, waiting_bytes=10_000_000, chance=Chance())
    assert await outcomes(tried, [[b"x"]]) == [None]
    assert drawn == [(0, min(1.0, 0.05 * 2**failures)) for failures in range(8)]


async def test_a_put_that_gets_no_answer_ends_in_time_and_is_not_put_again() -> None:
    release = threading.Event()

    class Hanging(FaultyKinesis):
        def put_records(self, **arguments: Any) -> Any:
            release.wait(10)
            return super().put_records(**arguments)

    kinesis = Hanging(no_faults)
    async with make(kinesis, put_seconds=0.2, calls=1) as tried:
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

    async with make(Hanging(no_faults), waiting_bytes=1_000) as tried:
        first = asyncio.create_task(tried.put("a", [b"x" * 900]))
        await asyncio.sleep(0)
        with pytest.raises(NoRoomError):
            await tried.put("b", [b"x" * 200])
        release.set()
        await first
        await tried.put("b", [b"x" * 200])


async def test_a_malformed_answer_fails_the_put_and_not_the_producer() -> None:
    class Odd(FaultyKinesis):
        def put_records(self, **arguments: Any) -> Any:
            answer = super().put_records(**arguments)
            return {"Records": []} if len(self.calls) == 1 else answer

    async with make(Odd(no_faults), put_seconds=0.3) as tried:
        with pytest.raises(NotAcknowledgedError):
            await tried.put("a", [b"1"])
        await tried.put("a", [b"1"])
