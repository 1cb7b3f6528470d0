"""One device's connection to the platform: its upload URL, and one attempt to send."""

from collections.abc import Callable, Sequence
from datetime import datetime
from http import HTTPStatus
from pathlib import Path

import httpx

from .errors import CredentialError, UnansweredError
from .protocol import URL_SECONDS, Outcome, Renew, Retry, UploadUrl, encode, read_answer, retry_after, server_time
from .readings import Reading, body_of

Credential = str | Path
"""The text itself, or the file that holds it, which is read again for each URL: so it can be rotated."""


class Connection:
    """Sends for one device to the platform at `base`, for example https://sensors.example.com.

    `tell_time` is called with the platform's time before anything is sent, and now and then.
    """

    def __init__(
        self,
        http: httpx.Client,
        base: str,
        device_id: str,
        credential: Credential,
        *,
        now: Callable[[], datetime],
        tell_time: Callable[[datetime], None] = lambda _server: None,
    ) -> None:
        self._http = http
        self._upload_url = f"{base.rstrip('/')}/api/device/upload-url"
        self._device_id = device_id
        self._credential = credential
        self._now = now
        self._tell_time = tell_time
        self._url: UploadUrl | None = None

    def connect(self) -> str:
        """Return an upload URL that lives long enough. Raises UnansweredError, CredentialError."""
        if self._url is None or self._url.is_due(self._now()):
            self._url = self._ask_for_url()
        return self._url.url

    def send(self, readings: Sequence[Reading]) -> Outcome:
        """Send a batch once, and return what became of it. Raises UnansweredError, CredentialError."""
        url = self.connect()
        content, headers = encode(body_of(readings))
        try:
            answer = self._http.put(url, content=content, headers=headers)
        except httpx.HTTPError as error:
            return Retry(_reason(error))
        if (server := server_time(answer.headers)) and answer.status_code < HTTPStatus.BAD_REQUEST:
            self._tell_time(server)
        outcome = read_answer(answer.status_code, answer.headers, answer.content, len(readings))
        if isinstance(outcome, Renew):
            self._url = None
        return outcome

    def _ask_for_url(self) -> UploadUrl:
        headers = {"Authorization": f"Bearer {read_credential(self._credential)}"}
        try:
            answer = self._http.post(self._upload_url, json={"expires_in": URL_SECONDS}, headers=headers)
        except httpx.HTTPError as error:
            raise UnansweredError(_reason(error)) from None
        if answer.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise CredentialError(
                f"the platform does not take the credential of {self._device_id} ({answer.status_code}): it was "
                "revoked or has expired. An operator gives out a new one; readings are kept meanwhile"
            )
        if not answer.is_success:
            raise UnansweredError(f"no upload URL: status {answer.status_code}", retry_after(answer.headers))
        if server := server_time(answer.headers):
            self._tell_time(server)
        try:
            return UploadUrl.read(answer.content)
        except ValueError as error:
            raise UnansweredError(f"no upload URL: {error}") from None


def read_credential(credential: Credential) -> str:
    """Return the text of a credential. Raises CredentialError where its file holds none."""
    if isinstance(credential, str):
        return credential
    try:
        text = credential.read_text().strip()
    except OSError as error:
        raise CredentialError(f"the credential cannot be read: {error}") from None
    if not text:
        raise CredentialError(f"{credential} is empty: write the device's credential into it")
    return text


def _reason(error: httpx.HTTPError) -> str:
    # Not the text: it may hold the URL.
    return f"no answer ({type(error).__name__})"
