"""What the archive can say that went wrong."""

from botocore.exceptions import BotoCoreError, ClientError


class ArchiveError(Exception):
    """The archive cannot do what was asked."""


class LockedError(ArchiveError):
    """Another process works on the archive."""


class FileGoneError(ArchiveError):
    """A file is not there: its day has another version by now."""


class ColdFileError(ArchiveError):
    """A file lies in a class of S3 that does not answer at once."""

    def __init__(self, key: str) -> None:
        super().__init__(
            f"{key} lies in a storage class that answers only after it was restored: `aws s3api restore-object "
            f"--key {key} --restore-request Days=7` brings it back in minutes to hours; then try again"
        )


S3_ERRORS = (BotoCoreError, ClientError)
"""What boto3 raises."""
