"""What devices do wrong. Every text may be shown to the device."""

from typing import ClassVar, Literal

RejectKind = Literal["schema", "clock", "retention", "precision", "conflict", "limit"]
"""What kind of thing is wrong with a reading: its form, its time (from a wrong clock, or older than what is kept), more
digits than are kept, another value for a time that has one, or one metric more than a device may have."""


class InvalidInputError(ValueError):
    """What a device sent cannot be taken."""

    kind: ClassVar[RejectKind] = "schema"


class ClockError(InvalidInputError):
    """A time that a device can only have from a wrong clock."""

    kind = "clock"


class RetentionError(InvalidInputError):
    """A time so long ago that the platform no longer keeps readings of it."""

    kind = "retention"


class PrecisionError(InvalidInputError):
    """A number or a time with more digits than are kept: storing it would change it."""

    kind = "precision"


class ConflictError(InvalidInputError):
    """A second value for one metric and time. The first is kept."""

    kind = "conflict"


class MetricLimitError(InvalidInputError):
    """A metric beyond the number that one device may have."""

    kind = "limit"


class TooManyReadingsError(InvalidInputError):
    """More readings at a time than are taken."""


class InvalidUploadUrlError(InvalidInputError):
    """A request that no valid presigned URL covers."""


class InvalidCredentialError(InvalidInputError):
    """What was sent as a credential is none, or not one that holds. The text shows nothing of it."""


class SenselessRuleError(InvalidInputError):
    """Each part of a rule is right by itself, and they make no sense together."""
