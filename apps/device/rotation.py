"""A new credential in place of the old one, so that at every moment one of them is on the disk and holds."""

import os
from http import HTTPStatus
from pathlib import Path

import httpx

from .connection import read_credential
from .errors import CredentialError, UnansweredError


def rotate(http: httpx.Client, base: str, file: Path) -> None:
    """Replace the credential in a file by a new one, which is used before the old one is revoked.

    It may be interrupted anywhere, and done again: a new credential whose answer was lost is revoked when the old one
    asks again, and an old one that was not revoked ends a day after the new one was first used.

    Raises CredentialError when the platform takes neither, UnansweredError when it does not answer.
    """
    own = f"{base.rstrip('/')}/api/device"
    old = read_credential(file)
    made = _ask(http, "POST", f"{own}/credential", old, HTTPStatus.CREATED)
    new = str(made.json()["credential"])
    beside = file.with_name(file.name + ".new")
    _write(beside, new)
    _ask(http, "GET", own, new, HTTPStatus.OK)
    beside.replace(file)
    _sync(file.parent)
    # Its id stands between its two underscores.
    _ask(http, "DELETE", f"{own}/credentials/{old.split('_')[1]}", new, HTTPStatus.OK)


def _ask(http: httpx.Client, method: str, url: str, credential: str, wanted: HTTPStatus) -> httpx.Response:
    content = b"{}" if method == "POST" else None
    headers = {"Authorization": f"Bearer {credential}", "Content-Type": "application/json"}
    try:
        answer = http.request(method, url, content=content, headers=headers)
    except httpx.HTTPError as error:
        raise UnansweredError(f"no answer ({type(error).__name__}): rotate again later") from None
    if answer.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.CONFLICT}:
        raise CredentialError(f"the credential was not replaced ({answer.status_code}): {answer.text[:300]}")
    if answer.status_code != wanted:
        raise UnansweredError(f"the credential was not replaced: status {answer.status_code}: rotate again later")
    return answer


def _write(file: Path, text: str) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        opened.write(text + "\n")
        opened.flush()
        os.fsync(descriptor)
    _sync(file.parent)


def _sync(folder: Path) -> None:
    """Write the folder's entries to the disk, where the system can."""
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
