"""The calls of a stream, on the wire."""

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from apps.ingestor.errors import ExpiredIteratorError
from apps.ingestor.stream import KinesisStream
from tests.apps.ingestor.support import Put, eventually, put, sample
from tests.support.kinesis import KinesisServer


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


class Changed:
    """A client of which one method is another."""

    def __init__(self, client: Any, **methods: Any) -> None:
        self.__dict__ |= methods
        self.client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)


def failing(method: Callable[..., Any], *errors: Exception) -> Callable[..., Any]:
    pending = list(errors)

    def call(**arguments: Any) -> Any:
        if pending:
            raise pending.pop(0)
        return method(**arguments)

    call.__name__ = method.__name__
    return call


def error(code: str, status: int = 400) -> ClientError:
    response: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "GetRecords")


def open_stream(client: Any, name: str, threads: ThreadPoolExecutor) -> KinesisStream:
    return KinesisStream(client, name, threads, random.Random(name))


def errors_of_list_shards() -> float:
    return sample("ingestor_kinesis_errors_total", operation="list_shards", code="EndpointConnectionError")


async def test_all_shards_are_listed_over_several_pages(
    kinesis_local: KinesisServer, threads: ThreadPoolExecutor
) -> None:
    client = kinesis_local.client()
    name = kinesis_local.create_stream("paged", shards=5)

    def two_at_a_time(**arguments: Any) -> Any:
        return client.list_shards(MaxResults=2, **arguments)

    stream = open_stream(Changed(client, list_shards=two_at_a_time), name, threads)
    assert len({shard.shard_id for shard in await stream.list_shards()}) == 5


async def test_a_stream_made_again_under_its_name_is_another(
    ministack: KinesisServer, threads: ThreadPoolExecutor
) -> None:
    client = ministack.client()
    stream = open_stream(client, ministack.create_stream("again"), threads)
    first = await stream.describe()
    assert first.stream_id.startswith("again/")
    assert first.retention == timedelta(hours=24)
    assert await stream.describe() == first

    async def made_a_second_later() -> bool:
        client.delete_stream(StreamName="again")
        ministack.create_stream("again")
        return (await stream.describe()).stream_id != first.stream_id

    await eventually(made_a_second_later)


async def test_records_come_in_order_from_behind_a_sequence_number(
    ministack: KinesisServer, threads: ThreadPoolExecutor
) -> None:
    client = ministack.client()
    stream = open_stream(client, ministack.create_stream("ordered"), threads)
    put(client, stream.name, [Put("a", b"%d" % number) for number in range(10)])
    (shard,) = await stream.list_shards()
    every = await stream.get_records(await stream.get_shard_iterator(shard.shard_id, None))
    assert [record.data for record in every.records] == [b"%d" % number for number in range(10)]
    rest = await stream.get_records(await stream.get_shard_iterator(shard.shard_id, every.records[6].sequence_number))
    assert rest.records == every.records[7:]
    assert rest.next_shard_iterator
    assert rest.millis_behind_latest == 0


async def test_what_is_retryable_is_tried_again_and_what_is_not_is_raised(
    ministack: KinesisServer, threads: ThreadPoolExecutor
) -> None:
    client = ministack.client()
    name = ministack.create_stream("faults")
    retryable = (error("ThrottlingException"), error("Unheard", 503), EndpointConnectionError(endpoint_url="http://x"))
    stream = open_stream(Changed(client, list_shards=failing(client.list_shards, *retryable)), name, threads)
    counted = errors_of_list_shards()
    assert len(await stream.list_shards()) == 1
    assert errors_of_list_shards() == counted + 1
    denied = open_stream(Changed(client, list_shards=failing(client.list_shards, error("AccessDenied"))), name, threads)
    with pytest.raises(ClientError, match="AccessDenied"):
        await denied.list_shards()


async def test_an_expired_iterator_is_told_apart(ministack: KinesisServer, threads: ThreadPoolExecutor) -> None:
    client = ministack.client()
    broken = Changed(client, get_records=failing(client.get_records, error("ExpiredIteratorException")))
    with pytest.raises(ExpiredIteratorError):
        await open_stream(broken, "any", threads).get_records("iterator")
