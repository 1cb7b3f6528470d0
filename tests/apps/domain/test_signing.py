import base64
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.domain.errors import InvalidUploadUrlError
from apps.domain.signing import MAX_URL_LIFETIME, SigningKeys, UploadGrant, presign, verify

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEYS = SigningKeys("new", {"new": b"n" * 32, "old": b"o" * 32})
device_ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True)
lives = st.integers(1, int(MAX_URL_LIFETIME.total_seconds()))


def check(url: str, method: str = "PUT", keys: SigningKeys = KEYS, now: datetime = NOW) -> UploadGrant:
    path, _, query = url.partition("?")
    return verify(keys, method, path, query, now)


generations = st.integers(0, 10**12 - 1)
credential_ids = st.none() | st.from_regex(r"[0-9a-f]{16}", fullmatch=True)


@given(device_ids, lives, st.sampled_from(["new", "old"]), generations, credential_ids)
def test_a_presigned_url_is_valid_for_its_device_until_it_expires_and_says_what_revokes_it(
    device_id: str, life: int, current: str, generation: int, credential_id: str | None
) -> None:
    keys = SigningKeys(current, KEYS.secrets)
    url = presign(keys, device_id, NOW + timedelta(seconds=life), generation, credential_id)
    assert check(url) == UploadGrant(device_id, generation, credential_id)
    assert check(url, now=NOW + timedelta(seconds=life)) == UploadGrant(device_id, generation, credential_id)
    with pytest.raises(InvalidUploadUrlError, match="expired"):
        check(url, now=NOW + timedelta(seconds=life + 1))


@given(device_ids, lives, st.data())
@settings(max_examples=1_000)
def test_a_url_with_any_character_changed_added_or_taken_away_is_refused(
    device_id: str, life: int, data: st.DataObject
) -> None:
    url = presign(KEYS, device_id, NOW + timedelta(seconds=life), data.draw(generations), data.draw(credential_ids))
    at = data.draw(st.integers(0, len(url) - 1))
    character = data.draw(st.characters(codec="latin-1").filter(lambda drawn: drawn != url[at]))
    changes = {url[:at] + character + url[at + 1 :], url[:at] + url[at + 1 :], url + character}
    for changed in changes - {url}:
        with pytest.raises(InvalidUploadUrlError):
            check(changed)


@pytest.mark.parametrize(
    "change",
    [
        lambda url: url.replace("expires=", "expires=0"),
        lambda url: url.replace("expires=", "expires=%31").replace("%311", "%31"),
        lambda url: url.replace("key=new", "key=%6eew"),
        lambda url: url.replace("key=new", "key=old"),
        lambda url: url.replace("key=new", "key=none"),
        lambda url: url.replace("?expires", "?key=old&expires"),
        lambda url: url + "&expires=9999999999",
        lambda url: url + "\n",
        lambda url: url[:-64] + url[-64:].upper(),
        lambda url: url.replace("generation=7", "generation=8"),
        lambda url: url.replace("generation=7", "generation=07"),
        lambda url: url.replace("&generation=7", ""),
        lambda url: url.replace("&generation=7&credential=00ff00ff00ff00ff", ""),
        lambda url: url.replace("&credential=00ff00ff00ff00ff", ""),
        lambda url: url.replace("credential=00", "credential=01"),
        lambda url: url.replace("/ingest/d", "/ingest//d"),
        lambda url: url.replace("/ingest/d", "/ingest/../ingest/d"),
        lambda url: url.replace("/ingest/d", "/ingest/%64"),
        lambda url: url.replace("/ingest/d", "/ingest/e/../d"),
        lambda url: url.replace("/ingest/d", "/INGEST/d"),
        lambda url: url.replace("/ingest/d", "http://elsewhere/ingest/d"),
        lambda url: url.partition("&signature")[0],
        lambda url: url.partition("?")[0],
    ],
)
def test_another_spelling_of_a_valid_url_is_refused(change: Callable[[str], str]) -> None:
    with pytest.raises(InvalidUploadUrlError):
        check(change(presign(KEYS, "d", NOW + timedelta(hours=1), 7, "00ff00ff00ff00ff")))


def test_a_url_that_was_signed_before_there_were_generations_is_of_the_first_one() -> None:
    lines = f"PUT\n/ingest/d\n{int(NOW.timestamp()) + 60}\nnew".encode()
    signature = hmac.new(KEYS.secrets["new"], lines, "sha256").hexdigest()
    url = f"/ingest/d?expires={int(NOW.timestamp()) + 60}&key=new&signature={signature}"
    assert check(url) == UploadGrant("d")
    with pytest.raises(InvalidUploadUrlError):
        check(url.replace("&signature", "&generation=0&signature"))


@given(st.text(st.characters(codec="latin-1"), max_size=200), st.text(st.characters(codec="latin-1"), max_size=300))
def test_no_made_up_path_and_query_is_accepted(path: str, query: str) -> None:
    with pytest.raises(InvalidUploadUrlError):
        verify(KEYS, "PUT", path, query, NOW)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PATCH", "put", ""])
def test_a_url_is_good_for_put_alone(method: str) -> None:
    with pytest.raises(InvalidUploadUrlError):
        check(presign(KEYS, "d", NOW + timedelta(hours=1)), method)


def test_a_retired_key_signs_no_more() -> None:
    url = presign(SigningKeys("old", KEYS.secrets), "d", NOW + timedelta(hours=1))
    assert check(url).device_id == "d"
    with pytest.raises(InvalidUploadUrlError):
        check(url, keys=SigningKeys("new", {"new": KEYS.secrets["new"]}))


def test_a_url_of_the_longest_life_works_though_the_clocks_differ_a_little_and_a_longer_one_never_does() -> None:
    assert check(presign(KEYS, "d", NOW + MAX_URL_LIFETIME + timedelta(seconds=30))).device_id == "d"
    with pytest.raises(InvalidUploadUrlError, match="over 7 days"):
        check(presign(KEYS, "d", NOW + MAX_URL_LIFETIME + timedelta(hours=1)))


def test_an_unknown_key_is_refused_whatever_it_was_signed_with() -> None:
    # Nothing may stand in for the secret that is not there.
    for secret in (bytes(32), b"", *KEYS.secrets.values()):
        with pytest.raises(InvalidUploadUrlError):
            check(presign(SigningKeys("none", {"none": secret}), "d", NOW + timedelta(hours=1)))


@pytest.mark.parametrize("device_id", ["", "a/b", "a b", "é", "..", "a\n", "x" * 65])
def test_a_device_id_that_a_path_cannot_carry_is_not_signed(device_id: str) -> None:
    with pytest.raises(ValueError, match="device id"):
        presign(KEYS, device_id, NOW)


SECRET = base64.b64encode(b"s" * 32).decode()


def test_keys_are_read_from_their_document() -> None:
    keys = SigningKeys.parse(json.dumps({"current": "a", "keys": {"a": SECRET, "b": SECRET}}).encode())
    assert keys == SigningKeys("a", {"a": b"s" * 32, "b": b"s" * 32})


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"{}",
        b"[]",
        json.dumps({"current": "b", "keys": {"a": SECRET}}).encode(),
        json.dumps({"current": "a", "keys": {"a": SECRET[:20]}}).encode(),
        json.dumps({"current": "a", "keys": {"a": base64.b64encode(b"s" * 31).decode()}}).encode(),
        json.dumps({"current": "a&", "keys": {"a&": SECRET}}).encode(),
        json.dumps({"current": "a", "keys": {"a": SECRET + "!"}}).encode(),
    ],
)
def test_a_document_that_is_wrong_is_refused_without_showing_a_secret(document: bytes) -> None:
    with pytest.raises(ValueError, match="signing keys") as refused:
        SigningKeys.parse(document)
    assert SECRET[:10] not in str(refused.value)


def test_keys_do_not_show_their_secrets() -> None:
    assert "nnn" not in repr(KEYS)
