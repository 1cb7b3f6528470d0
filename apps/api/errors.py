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


class ArchiveSlowError(ApiError):
    """A page has looked through the archive for as long as it may."""


class DaysMovedError(ApiError):
    """The database dropped a month, or a day became final, while it was read."""
