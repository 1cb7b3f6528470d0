"""What ends the reading of a shard before its time. Reading begins again at the checkpoint."""


class IngestorError(Exception):
    """A shard's reading cannot go on as it is."""


class ExpiredIteratorError(IngestorError):
    """A shard iterator lives five minutes: ask for a new one."""
