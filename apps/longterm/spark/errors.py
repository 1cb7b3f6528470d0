"""What can go wrong with jobs over the archive."""


class LongTermError(Exception):
    """What a person can do something about."""


class ArchiveMissingError(LongTermError):
    """There is no day to read."""


class UnknownSchemaError(LongTermError):
    """The archive's files are of a later release."""
