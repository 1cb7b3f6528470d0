"""The API as an operator's tool uses it: registers devices and asks for their upload URLs."""

import asyncio
from datetime import datetime
from http import HTTPStatus

import httpx
import msgspec

from apps.domain.devices import DeviceSpec
from apps.simulator.errors import PlatformError


class UploadUrl(msgspec.Struct, frozen=True):
    """Where a device may PUT, and until when."""

    url: str
    expires_at: datetime
    readings_since: datetime
    """Older readings are refused."""


class ApiClient:
    """The API at `base`, for example http://127.0.0.1:8080, which may take `startup_timeout` seconds to come up."""

    def __init__(self, http: httpx.AsyncClient, base: str, token: str, startup_timeout: float) -> None:
        self._http = http
        self._base = base.rstrip("/")
        self._startup_timeout = startup_timeout
        self._headers = {"Authorization": f"Bearer {token}"}

    async def register(self, device: DeviceSpec) -> None:
        """Create a device, or find that it exists. Waits for a platform that is still coming up.

        Raises PlatformError when it does not come up, or refuses.
        """
        deadline = asyncio.get_running_loop().time() + self._startup_timeout
        while True:
            reason = await self._try_register(device)
            if reason is None:
                return
            if asyncio.get_running_loop().time() > deadline:
                raise PlatformError(f"{self._base} does not answer ({reason}): start the platform, or give --api")
            await asyncio.sleep(0.5)

    async def upload_url(self, device_id: str, seconds: int) -> UploadUrl:
        """Ask for a URL that is valid for `seconds`. Raises httpx.HTTPError."""
        path = f"{self._base}/api/devices/{device_id}/upload-url"
        answer = await self._http.post(path, json={"expires_in": seconds}, headers=self._headers)
        answer.raise_for_status()
        return msgspec.json.decode(answer.content, type=UploadUrl)

    async def _try_register(self, device: DeviceSpec) -> str | None:
        try:
            answer = await self._http.post(
                f"{self._base}/api/devices", content=msgspec.json.encode(device), headers=self._headers
            )
        except httpx.TransportError as error:
            return type(error).__name__
        if answer.status_code in {HTTPStatus.CREATED, HTTPStatus.CONFLICT}:
            return None
        if answer.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise PlatformError(f"{self._base} does not know the operator token: give its file with --token-file")
        if answer.is_client_error:
            raise PlatformError(f"{self._base} refuses {device.device_id}: {answer.status_code} {answer.text[:300]}")
        return f"status {answer.status_code}"
