import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.domain.credentials import Credential, CredentialKind, bearer
from apps.domain.errors import InvalidCredentialError

DEVICE, FLEET = CredentialKind.DEVICE, CredentialKind.FLEET


@given(st.sampled_from(CredentialKind))
def test_a_credential_is_read_as_it_was_made_and_matches_its_own_digest_alone(kind: CredentialKind) -> None:
    credential, other = Credential.make(kind, os.urandom), Credential.make(kind, os.urandom)
    assert Credential.parse(kind, credential.text) == credential
    assert credential.matches(credential.digest)
    assert not credential.matches(other.digest)


def test_a_credential_of_one_kind_is_none_of_another() -> None:
    with pytest.raises(InvalidCredentialError):
        Credential.parse(DEVICE, Credential.make(FLEET, os.urandom).text)


@given(st.data())
def test_another_spelling_is_no_credential_or_another_one(data: st.DataObject) -> None:
    credential = Credential.make(DEVICE, os.urandom)
    at = data.draw(st.integers(0, len(credential.text) - 1))
    character = data.draw(st.characters())
    for text in {
        credential.text[:at] + character + credential.text[at + 1 :],
        credential.text[:at],
        credential.text + character,
    } - {credential.text}:
        try:
            read = Credential.parse(DEVICE, text)
        except InvalidCredentialError:
            continue
        else:
            assert not read.matches(credential.digest)


def test_a_refusal_shows_nothing_of_what_was_given() -> None:
    credential = Credential.make(DEVICE, os.urandom)
    with pytest.raises(InvalidCredentialError) as refused:
        Credential.parse(DEVICE, credential.text + "0")
    assert credential.text[4:] not in str(refused.value)


def test_a_credential_is_not_shown_by_accident() -> None:
    credential = Credential.make(DEVICE, os.urandom)
    secret = credential.text.rpartition("_")[2]
    assert secret not in f"{credential!r} {credential} {[credential]}"
    assert credential.credential_id in repr(credential)


@pytest.mark.parametrize(
    ("header", "token"), [(None, None), ("Bearer x", "x"), ("bearer  x ", "x"), ("Bearer", ""), ("Bearer x y", "x y")]
)
def test_the_token_of_a_header(header: str | None, token: str | None) -> None:
    assert bearer(header) == token


@pytest.mark.parametrize("header", ["", "Basic eDp5", "x"])
def test_another_scheme_is_refused(header: str) -> None:
    with pytest.raises(InvalidCredentialError):
        bearer(header)
