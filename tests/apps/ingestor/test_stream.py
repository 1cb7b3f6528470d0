"""The calls of a stream, on the wire."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from apps.ingestor.metrics import KINESIS_ERRORS
from apps.ingestor.stream import ExpiredIteratorError, Stream
from tests.apps.ingestor.support import Put, eventually, put
from tests.support.kinesis import KinesisServer


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


class Changed:
    """A client of which one method is another."""

    def __init__(self, client, **methods) -> None:
        self.__dict__ |= methods
        self.client = client

    def __getattr__(self, name):
        return getattr(self.client, name)


def failing(method, *errors):
    left = list(errors)

    def call(**arguments):
        if left:
            raise left.pop(0)
        return method(**arguments)

    call.__name__ = method.__name__
    return call


def error(code: str, status: int = 400) -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "GetRecords")


async def test_all_shards_are_listed_over_several_pages(
    kinesis_local: KinesisServer, threads: ThreadPoolExecutor
) -> None:
    client = kinesis_local.client()
    name = kinesis_local.create_stream("paged", shards=5)

    def two_at_a_time(**arguments):
        return client.list_shards(MaxResults=2, **arguments)

    stream = Stream(Changed(client, list_shards=two_at_a_time), name, threads)
    assert len({shard.shard_id for shard in await stream.shards()}) == 5


async def test_a_stream_made_again_under_its_name_is_another(
    ministack: KinesisServer, threads: ThreadPoolExecutor
) -> None:
    client = ministack.client()
    stream = Stream(client, ministack.create_stream("again"), threads)
    first = await stream.describe()
    assert first.id.startswith("again/")
    assert first.retention == timedelta(hours=24)
    assert await stream.describe() == first

    async def made_a_second_later() -> bool:
        client.delete_stream(StreamName="again")
        ministack.create_stream("again")
        return (await stream.describe()).id != first.id

    await eventually(made_a_second_later)


async def test_records_come_in_order_from_behind_a_sequence_number(
    ministack: KinesisServer, threads: ThreadPoolExecutor
) -> None:
    client = ministack.client()
    stream = Stream(client, ministack.create_stream("ordered"), threads)
    put(client, stream.name, [Put("a", b"%d" % number) for number in range(10)])
    (shard,) = await stream.shards()
    page = await stream.page(await stream.iterator(shard.shard_id, None))
    assert [record.data for record in page.records] == [b"%d" % number for number in range(10)]
    rest = await stream.page(await stream.iterator(shard.shard_id, page.records[6].sequence_number))
    assert rest.records == page.records[7:]
    assert rest.next_iterator
    assert rest.behind == timedelta()


async def test_what_passes_is_tried_again_and_what_does_not_is_raised(
    ministack: KinesisServer, threads: ThreadPoolExecutor
) -> None:
    client = ministack.client()
    name = ministack.create_stream("faults")
    passing = (error("ThrottlingException"), error("Unheard", 503), EndpointConnectionError(endpoint_url="http://x"))
    stream = Stream(Changed(client, list_shards=failing(client.list_shards, *passing)), name, threads)
    counted = KINESIS_ERRORS.labels("list_shards", "EndpointConnectionError")._value.get()
    assert len(await stream.shards()) == 1
    assert KINESIS_ERRORS.labels("list_shards", "EndpointConnectionError")._value.get() == counted + 1
    refused = Stream(Changed(client, list_shards=failing(client.list_shards, error("AccessDenied"))), name, threads)
    with pytest.raises(ClientError, match="AccessDenied"):
        await refused.shards()


async def test_an_expired_iterator_is_told_apart(ministack: KinesisServer, threads: ThreadPoolExecutor) -> None:
    client = ministack.client()
    broken = Changed(client, get_records=failing(client.get_records, error("ExpiredIteratorException")))
    with pytest.raises(ExpiredIteratorError):
        await Stream(broken, "any", threads).page("iterator")
