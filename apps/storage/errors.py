"""What the storage package raises."""


class StorageError(Exception):
    """The database cannot be used as it is."""


class SchemaTooNewError(StorageError):
    """The schema lacks what the code of this release reads or writes: a newer release took it away."""


class CredentialsInUseError(StorageError):
    """A device has as many credentials as it may have. The text may be shown to the caller."""


class VersionConflictError(StorageError):
    """What is to be changed is not what the caller thinks it is."""


class FencedError(StorageError):
    """A lease or its checkpoint moved on: nothing was written. Whoever holds the lease begins at its checkpoint."""
