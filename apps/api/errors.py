"""The API's errors. What a request did wrong is a `ProblemError`, as in every service."""


class ApiError(Exception):
    """The root of the tree."""


class DeclarationError(ApiError):
    """An operation that is declared wrongly: raised as its module is imported."""


class DatabaseUnavailableError(ApiError):
    """The database could not do it in time. The text may be shown to the caller; trying again later may help."""


class ArchiveUnavailableError(ApiError):
    """The archive cannot be read now. The text may be shown to the caller; trying again later may help."""


class SignInUnavailableError(ApiError):
    """Whoever says who people are cannot be asked now. The text may be shown to the caller."""


class BadCursorError(ApiError):
    """A cursor that this query never gave out."""


class VersionConflictError(ApiError):
    """The device is not what the caller thinks it is."""
