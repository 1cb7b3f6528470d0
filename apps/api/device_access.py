"""Which device asks, by its credential: what a device may do about itself, and a fleet's key for its devices."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import HTTPConnection

from apps.api.access import address_of
from apps.api.caller import Caller
from apps.api.database import Database
from apps.api.permissions import DEVICE_PERMISSIONS, Permission
from apps.api.queries import device_access
from apps.domain.credentials import Credential, CredentialKind, bearer
from apps.domain.errors import InvalidCredentialError
from apps.platform.errors import ProblemError
from apps.storage.credentials import CredentialRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceCaller(Caller):
    """A device, with the credential that it proved itself with."""

    credential: CredentialRecord

    @property
    def device_id(self) -> str:
        """The device."""
        return self.credential.device_id


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetCaller(Caller):
    """A device that is not registered yet, with the key of its fleet."""

    key: Credential


class DeviceAccess:
    """Finds out which device asks."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    async def identify(self, permission: Permission, request: HTTPConnection) -> Caller:
        """Return who asks for what devices alone may do. Raises ProblemError 401 unless it is one that may."""
        kind = DEVICE_PERMISSIONS[permission]
        try:
            credential = Credential.parse(kind, bearer(request.headers.get("authorization")) or "")
        except InvalidCredentialError as error:
            raise _unauthorised(f"this is for a device with its credential, and {error}") from None
        scopes, address = frozenset({permission}), address_of(request)
        if kind is CredentialKind.FLEET:
            return FleetCaller(
                name=f"fleet key {credential.credential_id}", key=credential, scopes=scopes, address=address
            )
        found = await device_access.identify(self._database, credential, self._now())
        if found is None:
            raise _unauthorised("the credential does not hold: it was revoked, has expired or never was one")
        return DeviceCaller(name=f"device {found.device_id}", credential=found, scopes=scopes, address=address)


def _unauthorised(detail: str) -> ProblemError:
    return ProblemError(401, detail, headers={"WWW-Authenticate": 'Bearer realm="device"'})
