"""Whose readings a request may send: by a presigned URL, by a device's credential, or by both.

Neither is enough by itself: what was revoked is refused. That is known in this process (`KnownCredentials`), so nothing
here waits for the database, but for a credential that is younger than the last look at it.
"""

from collections.abc import Callable
from datetime import datetime

from starlette.requests import Request

from apps.domain.credentials import Credential, CredentialKind, bearer
from apps.domain.errors import InvalidCredentialError, InvalidUploadUrlError
from apps.domain.signing import SigningKeys, verify
from apps.gateway.credential_follower import CredentialFollower
from apps.gateway.errors import UnverifiableError
from apps.gateway.known_credentials import KnownCredentials
from apps.gateway.metrics import UNAUTHORISED
from apps.gateway.settings import GatewaySettings
from apps.platform.errors import ProblemError
from apps.platform.secrets import ReloadingSecret


class Authorisation:
    """Tells whose readings a request may send."""

    def __init__(
        self,
        settings: GatewaySettings,
        keys: ReloadingSecret[SigningKeys],
        known: KnownCredentials,
        follower: CredentialFollower,
        now: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._keys = keys
        self._known = known
        self._follower = follower
        self._now = now

    async def device_of(self, request: Request) -> str:
        """Return the device whose readings it may send.

        Raises ProblemError 401 or 403 when it proves nothing, UnverifiableError when it cannot be told now.
        """
        # What stood in the request line: anything derived from it, or from the Host header, may have been rewritten.
        path, query = request.scope["raw_path"].decode("latin-1"), request.scope["query_string"].decode("latin-1")
        authorization = request.headers.get("authorization")
        device_id: str = request.path_params["device_id"]
        if query or authorization is None:
            device_id = self._by_url(request.method, path, query)
        if authorization is not None and device_id != await self._by_credential(authorization):
            raise _refusal(403, "other_device", "the credential is of another device: send to that device's own path")
        return device_id

    def reason_unsure(self) -> str | None:
        """Return why nobody is let in now; None when what was revoked is known well enough."""
        age, max_age = self._known.age, self._settings.revocations_max_age_seconds
        if self._settings.when_revocations_are_unknown == "accept" or (age is not None and age <= max_age):
            return None
        since = "since this process started" if age is None else f"for {age:.0f} s"
        return f"what was revoked is not known {since}: the database does not answer"

    def _by_url(self, method: str, path: str, query: str) -> str:
        try:
            grant = verify(self._keys.read(), method, path, query, self._now())
        except InvalidUploadUrlError as error:
            raise _refusal(403, "url", str(error)) from None
        self._check_sure()
        if self._known.is_void(grant):
            raise _refusal(403, "revoked", "the URL was revoked: ask for a new upload URL")
        return grant.device_id

    async def _by_credential(self, authorization: str) -> str:
        try:
            credential = Credential.parse(CredentialKind.DEVICE, bearer(authorization) or "")
        except InvalidCredentialError as error:
            raise _unauthorised(str(error)) from None
        self._check_sure()
        if not self._known.knows(credential.credential_id):
            await self._follower.refresh()
        device_id = self._known.device_of(credential, self._now())
        if device_id is not None:
            self._follower.note_use(credential.credential_id)
            return device_id
        if self._known.is_truncated and not self._known.knows(credential.credential_id):
            raise UnverifiableError("there are more credentials than this gateway knows: use an upload URL")
        raise _unauthorised("the credential does not hold: it was revoked, has expired or never was one")

    def _check_sure(self) -> None:
        if reason := self.reason_unsure():
            raise UnverifiableError(reason)


def _unauthorised(detail: str) -> ProblemError:
    return _refusal(401, "credential", detail, {"WWW-Authenticate": 'Bearer realm="device"'})


def _refusal(status: int, reason: str, detail: str, headers: dict[str, str] | None = None) -> ProblemError:
    UNAUTHORISED.labels(reason).inc()
    return ProblemError(status, detail, headers=headers)
