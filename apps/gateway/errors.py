"""Why an upload is answered with 503. Every text is shown to the device, which is told to send its readings again."""


class UnavailableError(Exception):
    """The gateway cannot take these readings now."""


class OverloadedError(UnavailableError):
    """So much is under way already that more could not be held."""


class NotAcknowledgedError(UnavailableError):
    """A record was not acknowledged in time. It may be on the stream all the same: sending it again is harmless."""


class ProducerFailedError(UnavailableError):
    """Nothing is put on the stream any more: the process is about to end."""


class UnverifiableError(UnavailableError):
    """Whether it was revoked, or holds at all, cannot be told now."""
