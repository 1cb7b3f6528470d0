"""What the policy pack raises."""


class UnknownValueError(Exception):
    """A value that is not known yet, by the name that the engine's own error has."""
