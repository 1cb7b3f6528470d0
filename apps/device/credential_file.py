"""A device's credential on the disk: made with the fleet's key, replaced by a new one, never without one that holds."""

import os
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx

from .connection import read_credential
from .errors import CredentialError, UnansweredError
from .protocol import problem


def provision(
    http: httpx.Client, base: str, fleet_key: str, device_id: str, kind: str, file: Path, claim_code: str | None = None
) -> None:
    """Register a device with the key of its fleet, and write its credential into a file that is not there yet.

    If the answer is lost, it may be done again. Raises CredentialError when the platform refuses, UnansweredError when
    it does not answer.
    """
    wanted = {"device_id": device_id, "kind": kind} | ({"claim_code": claim_code} if claim_code else {})
    answer = _ask(http, "POST", f"{base.rstrip('/')}/api/provision", fleet_key, HTTPStatus.CREATED, wanted)
    _write(file, str(answer["credential"]["credential"]))


def rotate(http: httpx.Client, base: str, file: Path) -> None:
    """Replace the credential in a file by a new one, which is used before the old one is revoked.

    It may be interrupted anywhere, and done again: a new credential whose answer was lost is revoked when the old one
    asks again, and an old one that was not revoked ends a day after the new one was first used.

    Raises CredentialError when the platform refuses, UnansweredError when it does not answer.
    """
    own = f"{base.rstrip('/')}/api/device"
    old = read_credential(file)
    new = str(_ask(http, "POST", f"{own}/credential", old, HTTPStatus.CREATED, {})["credential"])
    temporary = file.with_name(file.name + ".new")
    _write(temporary, new)
    _ask(http, "GET", own, new, HTTPStatus.OK)
    temporary.replace(file)
    _sync(file.parent)
    # Its id stands between its two underscores.
    _ask(http, "DELETE", f"{own}/credentials/{old.split('_')[1]}", new, HTTPStatus.OK)


def _ask(
    http: httpx.Client, method: str, url: str, credential: str, wanted: HTTPStatus, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {credential}"}
    try:
        answer = http.request(method, url, json=body, headers=headers)
    except httpx.HTTPError as error:
        raise UnansweredError(f"no answer ({type(error).__name__}): try again later") from None
    if answer.status_code == wanted:
        content: dict[str, Any] = answer.json()
        return content
    reason = problem(answer.content)
    if answer.is_client_error and answer.status_code != HTTPStatus.TOO_MANY_REQUESTS:
        raise CredentialError(f"the platform refuses ({answer.status_code}): {reason}")
    raise UnansweredError(f"status {answer.status_code}: {reason}: try again later")


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
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
