"""Why the platform cannot run on this machine. Every text says what is wrong, which part, and what to do."""

import errno


class LocalError(Exception):
    """The platform cannot start, or cannot go on."""


class AlreadyRunningError(LocalError):
    """Another platform of this checkout runs."""


class PortInUseError(LocalError):
    """Another program listens on a port that the platform wants."""


class ProgramFailedError(LocalError):
    """A program that the platform cannot be without is gone, or never came up."""


_ADVICE = {
    errno.EROFS: "nothing can be written there: make it writable, or use a checkout elsewhere",
    errno.EACCES: "you may not write there: make it yours (chown), or use a checkout of your own",
    errno.EPERM: "you may not write there: make it yours (chown), or use a checkout of your own",
    errno.EEXIST: "a file is where a folder must be: move it away",
    errno.ENOTDIR: "a file is where a folder must be: move it away",
    errno.EISDIR: "a folder is where a file must be: move it away",
    errno.ENOSPC: "the disk is full: make room; --fresh deletes the data of earlier runs",
}


def explain(error: BaseException) -> str:
    """Return what an error says, and for one of the system what to do about it."""
    if not isinstance(error, OSError) or error.errno not in _ADVICE:
        return str(error)
    return f"{error.filename or 'this folder'}: {_ADVICE[error.errno]} ({error.strerror})"
