"""Which device asks, by its credential or by the key of its fleet: it may do what devices do, and nothing else."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from starlette.requests import HTTPConnection

from apps.api.access import address_of
from apps.api.caller import Caller
from apps.api.database import Database
from apps.api.permissions import Permission
from apps.api.queries import device_access, fleet_keys
from apps.api.queries.fleet_keys import FleetKey
from apps.domain.credentials import Credential, CredentialKind, bearer
from apps.domain.errors import InvalidCredentialError
from apps.platform.errors import ProblemError
from apps.storage.credentials import CredentialRecord

_OF_DEVICES = (CredentialKind.DEVICE, CredentialKind.FLEET)


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
    """A device that nobody registered, with the key of its fleet."""

    key: FleetKey


class DeviceAccess:
    """Finds out which device asks."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    async def identify(self, request: HTTPConnection) -> Caller | None:
        """Return the device that asks; None when what is sent is no credential of a device, nor means to be one.

        Raises ProblemError 401 for one that does not hold.
        """
        try:
            token = bearer(request.headers.get("authorization")) or ""
            kind = next((kind for kind in _OF_DEVICES if token.startswith(f"{kind}_")), None)
            if kind is None:
                return None
            credential = Credential.parse(kind, token)
        except InvalidCredentialError as error:
            raise _unauthorized(str(error)) from None
        caller = await (self._fleet(credential) if kind is CredentialKind.FLEET else self._device(credential))
        if caller is None:
            raise _unauthorized("the credential does not hold: it was revoked, has expired or never was one")
        return replace(caller, address=address_of(request))

    async def _device(self, credential: Credential) -> Caller | None:
        found = await device_access.identify(self._database, credential, self._now())
        if found is None:
            return None
        scopes = frozenset({Permission.DEVICE_SELF})
        return DeviceCaller(name=f"device {found.device_id}", scopes=scopes, credential=found)

    async def _fleet(self, credential: Credential) -> Caller | None:
        key = await fleet_keys.identify(self._database, credential)
        if key is None:
            return None
        scopes = frozenset({Permission.FLEET_REGISTER})
        return FleetCaller(name=f"{key.name} (fleet key {key.key_id})", scopes=scopes, key=key)


def _unauthorized(detail: str) -> ProblemError:
    return ProblemError(401, detail, headers={"WWW-Authenticate": 'Bearer realm="device"'})
