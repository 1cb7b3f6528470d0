"""Why the platform cannot run on this machine. Every text says what is wrong, which part, and what to do."""


class LocalError(Exception):
    """The platform cannot start, or cannot go on."""


class AlreadyRunningError(LocalError):
    """Another platform of this checkout runs."""


class PortInUseError(LocalError):
    """Another program listens on a port that the platform wants."""


class ProgramFailedError(LocalError):
    """A program that the platform cannot be without is gone, or never came up."""
