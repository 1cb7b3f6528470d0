"""Errors of the device kit."""


class DeviceKitError(Exception):
    """Something that whoever runs the device must deal with. The text says what to do."""


class InvalidReadingError(DeviceKitError, ValueError):
    """A reading that the platform would refuse."""


class StoreError(DeviceKitError):
    """The file that readings are kept in cannot be used."""


class CredentialError(DeviceKitError):
    """There is no credential where it should be."""


class MappingError(DeviceKitError, ValueError):
    """The mapping of a bridge says something that it cannot."""


class UnansweredError(DeviceKitError):
    """No answer, or none that says what became of what was sent: it must be sent again."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
        """Seconds that the platform asked to wait."""
