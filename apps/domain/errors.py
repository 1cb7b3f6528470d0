"""What devices do wrong. Every text may be shown to the device."""


class InvalidInputError(ValueError):
    """What a device sent cannot be taken."""


class ClockError(InvalidInputError):
    """A time that a device can only have from a wrong clock."""


class InvalidUploadUrlError(InvalidInputError):
    """A request that no valid presigned URL covers."""
