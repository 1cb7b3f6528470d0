"""The API as it is used by an operator, who registers devices, and by each device, which asks for its upload URLs."""

import asyncio
from http import HTTPStatus
from typing import Any

import httpx
import msgspec

from apps.device.protocol import UploadUrl
from apps.domain.devices import DeviceSpec
from apps.simulator.errors import PlatformUnavailableError


class _Issued(msgspec.Struct, frozen=True):
    credential: str


class _Registered(msgspec.Struct, frozen=True):
    credential: _Issued


class _Noted(msgspec.Struct, frozen=True):
    attributes: dict[str, Any]


CREDENTIAL_SECONDS = 7 * 86_400
"""Life of a credential of a device that there was before: a simulation that is killed leaves it behind."""


class ApiClient:
    """The API at `base`, for example http://127.0.0.1:8080, which may take `startup_timeout` seconds to come up."""

    def __init__(self, http: httpx.AsyncClient, base: str, token: str, startup_timeout: float) -> None:
        self._http = http
        self._base = base.rstrip("/")
        self._startup_timeout = startup_timeout
        self._operator = _bearer(token)
        self._credentials: dict[str, str] = {}

    async def register(self, device: DeviceSpec) -> bool:
        """Create a device, or find that it exists, and tell whether it is new. Waits for a platform that comes up.

        Raises PlatformUnavailableError when it does not come up, or refuses.
        """
        deadline = asyncio.get_running_loop().time() + self._startup_timeout
        while True:
            reason = await self._try_register(device)
            if isinstance(reason, bool):
                return reason
            if asyncio.get_running_loop().time() > deadline:
                raise PlatformUnavailableError(
                    f"{self._base} does not answer ({reason}): start the platform, or give --api"
                )
            await asyncio.sleep(0.5)

    async def upload_url(self, device_id: str, seconds: int) -> UploadUrl:
        """Ask, as the device, for a URL that is valid for `seconds`. Raises httpx.HTTPError."""
        if device_id not in self._credentials:
            self._credentials[device_id] = await self._new_credential(device_id)
        answer = await self._http.post(
            f"{self._base}/api/device/upload-url",
            json={"expires_in": seconds},
            headers=_bearer(self._credentials[device_id]),
        )
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            del self._credentials[device_id]  # another simulation has taken over its devices
        answer.raise_for_status()
        return UploadUrl.read(answer.content)

    async def _new_credential(self, device_id: str) -> str:
        """Make a credential for a device that there was before. Those of simulations that were killed may be in use."""
        for revoke_others in (False, True):
            answer = await self._http.post(
                f"{self._base}/api/devices/{device_id}/credentials",
                json={"revoke_others": revoke_others, "expires_in": CREDENTIAL_SECONDS},
                headers=self._operator,
            )
            if answer.status_code != HTTPStatus.CONFLICT:
                break
        answer.raise_for_status()
        return msgspec.json.decode(answer.content, type=_Issued).credential

    async def attributes(self, device_id: str) -> dict[str, Any]:
        """Return what is noted of a device. Raises PlatformUnavailableError."""
        answer = await self._request("GET", device_id)
        return msgspec.json.decode(answer.content, type=_Noted).attributes

    async def note(self, device_id: str, attributes: dict[str, Any]) -> None:
        """Replace what is noted of a device. Raises PlatformUnavailableError."""
        await self._request("PATCH", device_id, json={"attributes": attributes})

    async def _request(self, method: str, device_id: str, **body: Any) -> httpx.Response:
        path = f"{self._base}/api/devices/{device_id}"
        try:
            answer = await self._http.request(method, path, headers=self._operator, **body)
            answer.raise_for_status()
        except httpx.HTTPError as error:
            raise PlatformUnavailableError(f"{method} {path}: {str(error) or type(error).__name__}") from None
        return answer

    async def _try_register(self, device: DeviceSpec) -> str | bool:
        try:
            answer = await self._http.post(
                f"{self._base}/api/devices", content=msgspec.json.encode(device), headers=self._operator
            )
        except httpx.TransportError as error:
            return type(error).__name__
        if answer.status_code == HTTPStatus.CREATED:
            registered = msgspec.json.decode(answer.content, type=_Registered)
            self._credentials[device.device_id] = registered.credential.credential
            return True
        if answer.status_code == HTTPStatus.CONFLICT:
            return False
        if answer.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise PlatformUnavailableError(
                f"{self._base} does not know the operator token: give its file with --token-file"
            )
        if answer.is_client_error:
            raise PlatformUnavailableError(
                f"{self._base} refuses {device.device_id}: {answer.status_code} {answer.text[:300]}"
            )
        return f"status {answer.status_code}"


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
