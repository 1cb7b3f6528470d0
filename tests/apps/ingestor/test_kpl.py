"""Records that are packed into one: a broken one costs only itself."""

import hashlib

from aws_kinesis_agg import MAGIC
from aws_kinesis_agg.deaggregator import messages_pb2
from hypothesis import given
from hypothesis import strategies as st

from apps.ingestor.kpl import deaggregate


def field(number: int, content: bytes) -> bytes:
    assert len(content) < 128
    return bytes([number << 3 | 2, len(content)]) + content


def record(data: bytes) -> bytes:
    return bytes(messages_pb2.Record(partition_key_index=0, data=data).SerializeToString())


def packed(*records: bytes, more: bytes = b"") -> bytes:
    body = field(1, b"key") + b"".join(field(3, data) for data in records) + more
    return bytes(MAGIC) + body + hashlib.md5(body, usedforsecurity=False).digest()


def test_a_packed_record_that_is_broken_costs_only_itself() -> None:
    broken = b"\xff\xff\xff"
    assert list(deaggregate(packed(record(b"1"), broken, record(b"2")))) == [b"1", broken, b"2"]


def test_a_packed_record_without_data_is_an_empty_one() -> None:
    assert list(deaggregate(packed(record(b"1"), bytes([8, 0])))) == [b"1", b""]


def test_where_not_even_the_lengths_fit_the_whole_is_kept() -> None:
    for more in (b"\x1a\x7f", b"\x1a", b"\xff" * 12, b"\x08\x96"):
        data = packed(record(b"1"), more=more)
        assert list(deaggregate(data)) == [data]


@given(st.lists(st.binary(max_size=100)), st.binary(max_size=50))
def test_whatever_is_packed_something_comes_out_and_nothing_is_raised(records: list[bytes], more: bytes) -> None:
    assert list(deaggregate(packed(*(data[:100] for data in records), more=more)))


def test_what_is_packed_in_another_field_is_kept_as_a_whole() -> None:
    data = packed(more=field(2, record(b"1")))
    assert list(deaggregate(data)) == [data]
