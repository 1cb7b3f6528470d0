import gzip
import json
import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.device.protocol import Accepted, Backoff, Renew, Retry, Split, UploadUrl, encode, read_answer, server_time

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def answer(
    status: int, content: Any = None, headers: Mapping[str, str] = MappingProxyType({}), sent: int = 3
) -> object:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return read_answer(status, headers, body, sent)


def test_what_is_accepted_is_done_with_except_what_is_refused() -> None:
    assert answer(202, {"accepted": 3, "refused": []}) == Accepted({})
    assert answer(202, {"accepted": 2, "refused": [{"index": 1, "reason": "a clock"}]}) == Accepted({1: "a clock"})
    further = {"refused": [{"index": 0, "reason": "a"}], "further_refused": [{"reason": "b", "indexes": [1, 2]}]}
    assert answer(422, further) == Accepted({0: "a", 1: "b", 2: "b"})


@pytest.mark.parametrize(
    "content",
    [b"<html>welcome to the hotel's network", {}, {"accepted": 2}, {"accepted": "x"}, [1], None,
     {"accepted": 2, "refused": [{"index": 7, "reason": "another batch"}]}],
)  # fmt: skip
def test_an_answer_that_is_not_the_platforms_settles_nothing(content: object) -> None:
    assert isinstance(answer(202, content), Retry)


def test_other_answers_say_what_to_do_next() -> None:
    assert answer(503, {"detail": "busy"}, {"retry-after": "4"}) == Retry("status 503: busy", 4.0)
    assert answer(503, {"detail": "busy"}, {"retry-after": "Thu, 26 Nov 2026 12:00:00 GMT"}) == Retry(
        "status 503: busy"
    )
    assert answer(403, {"detail": "the URL has expired"}) == Renew("status 403: the URL has expired")
    assert answer(413, {"detail": "too large"}) == Split("status 413: too large")
    assert isinstance(answer(502, b"bad gateway"), Retry)
    assert isinstance(answer(302, b""), Retry)


@given(st.integers(100, 599), st.binary(max_size=200), st.integers(1, 10))
def test_no_answer_settles_more_than_was_sent(status: int, body: bytes, sent: int) -> None:
    outcome = read_answer(status, {}, body, sent)
    if isinstance(outcome, Accepted):
        assert set(outcome.refused) <= set(range(sent))


def test_a_long_body_is_compressed_and_a_short_one_is_not() -> None:
    assert encode(b"[]") == (b"[]", {"Content-Type": "application/json"})
    content, headers = encode(b"[" + b" " * 5000 + b"]")
    assert headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(content)[:2] == b"[ "


def test_a_url_is_renewed_before_it_ends() -> None:
    body = {
        "url": "http://x/ingest/d?s",
        "expires_at": "2026-11-27T12:00:00Z",
        "readings_since": "2026-08-01T00:00:00Z",
    }
    url = UploadUrl.read(json.dumps(body).encode())
    assert not url.is_due(NOW)
    assert url.is_due(NOW + timedelta(hours=13))
    assert "ingest" not in repr(url), "whoever holds it may write"
    for wrong in (b"{}", b"[]", b"x", b'{"url": 1, "expires_at": 2, "readings_since": 3}'):
        with pytest.raises(ValueError, match=r"no upload URL|Expecting|must be str"):
            UploadUrl.read(wrong)


def test_the_platforms_time_is_read_where_it_is_told() -> None:
    assert server_time({"date": "Thu, 26 Nov 2026 12:00:00 GMT"}) == NOW
    assert server_time({"date": "noon"}) is None
    assert server_time({}) is None


def test_the_wait_grows_up_to_its_bound_and_is_never_less_than_was_asked_for() -> None:
    backoff = Backoff(random.Random(1), first=1, longest=60)
    waits = [backoff.wait() for _ in range(2000)]
    assert max(waits) <= 60
    assert max(waits[:3]) <= 4
    assert min(waits[10:]) >= 6, "whoever waits next to nothing is no help to a platform that is down"
    assert backoff.wait(at_least=100) == 100
    backoff.reset()
    assert backoff.wait() <= 1
