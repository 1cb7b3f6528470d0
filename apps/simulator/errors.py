"""Why a simulation cannot run. Every text says what to do."""


class SimulatorError(Exception):
    """The simulation cannot run."""


class ArgumentsError(SimulatorError):
    """Arguments that are right by themselves and wrong together."""


class ReplayError(SimulatorError):
    """A file that cannot be replayed. The text names file, line and reason."""


class PlatformUnavailableError(SimulatorError):
    """The platform cannot be used. The text says why."""
