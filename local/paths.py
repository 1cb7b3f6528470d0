"""The folders of a local stack, in the checkout's ignored .cache/."""

from dataclasses import dataclass
from pathlib import Path

from devtools.paths import CACHE


@dataclass(frozen=True, slots=True)
class Paths:
    """The folder of one stack."""

    home: Path = CACHE / "local"

    @property
    def logs(self) -> Path:
        """A log for each child."""
        return self.home / "logs"

    @property
    def secrets(self) -> Path:
        """Passwords, keys and tokens, readable by their owner only."""
        return self.home / "secrets"

    @property
    def lock(self) -> Path:
        """Held while a stack runs."""
        return self.home / "lock"

    def secret(self, name: str) -> Path:
        """Return the file of a secret."""
        return self.secrets / name

    def data(self, name: str) -> Path:
        """Return the folder in which `name` keeps its data."""
        return self.home / name
