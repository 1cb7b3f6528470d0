import gzip
import zlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.domain.time_bounds import TimeBounds
from apps.gateway.bodies import check_encoding, gunzip, validate
from apps.platform.errors import ProblemError

BOUNDS = TimeBounds.at(datetime(2026, 11, 23, tzinfo=UTC), 3)


def status(refused: pytest.ExceptionInfo[ProblemError]) -> int:
    return refused.value.status_code


@given(st.binary(max_size=10_000), st.integers(0, 10_000))
def test_a_body_is_decompressed_up_to_the_limit_and_refused_beyond(content: bytes, limit: int) -> None:
    body = gzip.compress(content)
    if len(content) <= limit:
        assert gunzip(body, limit) == content
    else:
        with pytest.raises(ProblemError) as refused:
            gunzip(body, limit)
        assert status(refused) == 413


@given(st.binary(max_size=2_000))
def test_what_is_not_one_whole_gzip_member_is_refused(body: bytes) -> None:
    with pytest.raises(ProblemError) as refused:
        gunzip(body, 1_000)
    assert status(refused) == 400


@given(st.binary(min_size=1, max_size=1_000), st.data())
def test_a_cut_body_is_refused(content: bytes, data: st.DataObject) -> None:
    body = gzip.compress(content)
    with pytest.raises(ProblemError) as refused:
        gunzip(body[: data.draw(st.integers(0, len(body) - 1))], 10_000)
    assert status(refused) == 400


@pytest.mark.parametrize("more", [b"x", gzip.compress(b"another member", mtime=0), zlib.compress(b"x")])
def test_what_follows_the_member_is_refused(more: bytes) -> None:
    with pytest.raises(ProblemError, match="one whole gzip member"):
        gunzip(gzip.compress(b"[]") + more, 1_000)


@pytest.mark.parametrize(
    ("headers", "gzipped"),
    [({}, False), ({"content-encoding": "identity"}, False), ({"content-encoding": " GZip "}, True)],
)
def test_gzip_and_plain_bodies_are_told_apart(headers: dict[str, str], gzipped: bool) -> None:
    assert check_encoding(headers) is gzipped


@pytest.mark.parametrize("coding", ["br", "deflate", "gzip, gzip", "zstd", ""])
def test_any_other_coding_is_refused_with_the_one_that_is_taken(coding: str) -> None:
    with pytest.raises(ProblemError) as refused:
        check_encoding({"content-encoding": coding})
    assert status(refused) == 415
    assert refused.value.headers == {"Accept-Encoding": "gzip"}


def test_an_array_of_too_many_readings_is_refused() -> None:
    assert len(validate(b"[1,2]", BOUNDS, 2).rejected) == 2
    with pytest.raises(ProblemError, match="at most 2") as refused:
        validate(b"[1,2,3]", BOUNDS, 2)
    assert status(refused) == 413


@pytest.mark.parametrize("body", [b"", b"{}", b"1", b"[1", b"[1]]", b"[NaN", b"\xff", b"[" * 100_000])
def test_what_is_no_json_array_is_refused(body: bytes) -> None:
    with pytest.raises(ProblemError, match="JSON array") as refused:
        validate(body, BOUNDS, 10)
    assert status(refused) == 400
