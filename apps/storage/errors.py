"""What the storage package raises."""


class StorageError(Exception):
    """The database cannot be used as it is."""


class SchemaTooNewError(StorageError):
    """The schema lacks what the code of this release reads or writes: a newer release took it away."""
