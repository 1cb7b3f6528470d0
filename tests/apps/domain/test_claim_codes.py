import os

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.domain.claim_codes import ClaimCode, code_digest, is_code, make_code


def test_a_code_is_taken_however_a_person_types_it() -> None:
    digest = code_digest("d", "7Q2M-9KXD-10TA")
    for typed in ("7q2m9kxd10ta", "7Q2M 9KXD 10TA", "7Q2M-9KXD-IOTA", "7q2m-9kxd-lota"):
        assert is_code("d", typed, digest)
        assert not is_code("e", typed, digest)
        assert not is_code("d", typed[:-1] + "B", digest)


@given(st.binary(min_size=8, max_size=8))
def test_a_made_code_reads_as_what_it_is(random: bytes) -> None:
    code = make_code(lambda _: random)
    assert msgspec.convert(code, ClaimCode) == code
    assert len(code) == 14
    assert is_code("d", code.lower(), code_digest("d", code))


def test_codes_differ() -> None:
    assert len({make_code(os.urandom) for _ in range(1000)}) == 1000


@pytest.mark.parametrize("text", ["", "7Q2M-9KXD", "7Q2M-9KXD-4HT\n", "7Q2M-9KXD-4HTÄ", "7" * 61])
def test_what_cannot_be_a_code_is_refused(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(text, ClaimCode)
