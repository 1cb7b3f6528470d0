"""What can go wrong on the platform's side of a service, as one tree."""

from starlette.exceptions import HTTPException


class PlatformError(Exception):
    """What the vocabulary, the settings or the server of a service cannot go on with."""


class ConfigurationError(PlatformError):
    """Settings that cannot be used. The text names each key, its value and what is allowed."""


class UnsupportedServerError(PlatformError):
    """A uvicorn whose protocols are not those that were extended here."""


class HeadersTooLargeError(PlatformError):
    """A request whose headers are larger than any that is meant."""


class ProblemError(PlatformError, HTTPException):
    """An answer of status 4xx or 5xx as problem+json (RFC 9457): `detail` tells the caller what to do."""

    def __init__(
        self, status: int, detail: str, *, headers: dict[str, str] | None = None, **extensions: object
    ) -> None:
        super().__init__(status, detail, headers)
        self.extensions = extensions
