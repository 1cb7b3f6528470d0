"""Why the smoke test failed."""


class SmokeError(Exception):
    """A step of the smoke test failed, or there is nothing to test. The text says which and what was found."""
