"""Secrets in files, read again whenever they change: a rotated secret needs no restart."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from apps.platform.errors import ConfigurationError

T = TypeVar("T")

log = logging.getLogger(__name__)


class ReloadingSecret(Generic[T]):
    """The content of a file, as `parse` understands it. `parse` raises ValueError, whose text must hold no secret.

    Raises ConfigurationError when the file cannot be used at the start. Later a file that cannot be used is logged,
    and the last good content stays.
    """

    def __init__(self, path: Path, parse: Callable[[bytes], T]) -> None:
        self._path = path
        self._parse = parse
        self._last_fingerprint: tuple[int, int, int] | None = None
        self._last_error: str | None = None
        try:
            self._content = self._read()
        except (OSError, ValueError) as error:
            raise ConfigurationError(_explain(path, error)) from None

    def read(self) -> T:
        """Return the newest usable content. Costs one stat when nothing changed: call it wherever it is wanted."""
        try:
            if self._last_fingerprint != self._fingerprint():
                self._content = self._read()
                self._last_error = None
                log.info("read %s again: it changed", self._path)
        except (OSError, ValueError) as error:
            reason = _explain(self._path, error)
            if reason != self._last_error:
                log.error("%s; what was read before stays in use", reason)
            self._last_error = reason
        return self._content

    def _read(self) -> T:
        self._last_fingerprint = self._fingerprint()
        return self._parse(self._path.read_bytes())

    def _fingerprint(self) -> tuple[int, int, int]:
        # A file that is swapped through a symbolic link, as Kubernetes does it, has another inode.
        status = self._path.stat()
        return status.st_mtime_ns, status.st_ino, status.st_size


def _explain(path: Path, error: OSError | ValueError) -> str:
    return f"{path}: {error.strerror if isinstance(error, OSError) else error}"
