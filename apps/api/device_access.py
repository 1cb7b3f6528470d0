"""Which device asks, by its credential: it may do what a device does about itself, and nothing else."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import HTTPConnection

from apps.api.access import address_of
from apps.api.caller import Caller
from apps.api.database import Database
from apps.api.permissions import Permission
from apps.api.queries import device_access
from apps.domain.credentials import Credential, CredentialKind
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


class DeviceAccess:
    """Finds out which device asks."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    async def identify(self, request: HTTPConnection) -> Caller | None:
        """Return the device that asks; None when what is sent is no credential of a device, nor means to be one.

        Raises ProblemError 401 for one that does not hold.
        """
        token = request.headers.get("authorization", "").partition(" ")[2].strip()
        if not token.startswith(f"{CredentialKind.DEVICE}_"):
            return None
        try:
            credential = Credential.parse(CredentialKind.DEVICE, token)
        except InvalidCredentialError as error:
            raise unauthorized(str(error)) from None
        found = await device_access.identify(self._database, credential, self._now())
        if found is None:
            raise unauthorized("the credential does not hold: it was revoked, has expired or never was one")
        return DeviceCaller(
            name=f"device {found.device_id}",
            scopes=frozenset({Permission.DEVICE_SELF}),
            address=address_of(request),
            credential=found,
        )


def unauthorized(detail: str) -> ProblemError:
    """Return the refusal of a device whose credential does not hold."""
    return ProblemError(401, detail, headers={"WWW-Authenticate": 'Bearer realm="device"'})
