"""Signing keys change without a URL that was given out losing its validity early."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.domain.signing import MAX_URL_LIFETIME, SigningKeys
from apps.rotation.keys import ACTIVATION_DELAY, initial_keys, rotate

START = datetime(2026, 11, 23, 2, 40, tzinfo=UTC)


def numbered() -> Callable[[int], bytes]:
    """Keys that can be told apart."""
    numbers = count()
    return lambda length: next(numbers).to_bytes(length, "big")


@given(
    hours=st.lists(st.integers(min_value=1, max_value=24 * 40), min_size=1, max_size=60),
    period=st.integers(min_value=2, max_value=60).map(lambda days: timedelta(days=days)),
)
def test_no_url_that_was_given_out_outlives_its_key_however_irregular_the_runs(
    hours: list[int], period: timedelta
) -> None:
    random_bytes, now = numbered(), START
    keys, changed = initial_keys(now, random_bytes), now
    signed_until = {keys.current: now}
    for step in hours:
        now += timedelta(hours=step)
        # Processes sign with what they read last: the key that was current until now.
        signed_until[keys.current] = now
        due = rotate(keys, changed, now, period, random_bytes)
        for gone in keys.secrets.keys() - due.secrets.keys():
            assert now - signed_until[gone] >= MAX_URL_LIFETIME
        if due.current != keys.current:
            assert now - changed >= ACTIVATION_DELAY, "a key signs only when everybody has had time to read it"
        if due is not keys:
            keys, changed = due, now
        assert keys.current in keys.secrets
        assert len(keys.secrets) <= 2


def test_nightly_runs_replace_a_key_after_its_period_and_forget_it_after_the_longest_expiry() -> None:
    random_bytes = numbered()
    keys, changed = initial_keys(START, random_bytes), START
    history = []
    for night in range(1, 45):
        now = START + timedelta(days=night)
        due = rotate(keys, changed, now, timedelta(days=30), random_bytes)
        if due is not keys:
            keys, changed = due, now
            history.append((night, len(keys.secrets), keys.current))
    assert history == [(30, 2, "20261123T024000Z"), (31, 2, "20261223T024000Z"), (39, 1, "20261223T024000Z")]


def test_a_key_with_another_kind_of_id_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"'blue'.*time when the key was made"):
        rotate(SigningKeys("blue", {"blue": bytes(32)}), START, START, timedelta(days=30), bytes)


def test_a_document_reads_back_as_the_keys_it_was_made_from() -> None:
    keys = initial_keys(START, lambda length: b"k" * length)
    assert SigningKeys.parse(keys.document()) == keys
