"""Generated secrets: made once, kept for the next start, readable by their owner only."""

import os
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from apps.platform.resources import Secret
from apps.resources import OPERATOR_TOKEN, SIGNING_KEYS, WEBHOOK_KEY
from apps.rotation.keys import initial_keys


def keep(path: Path, make: Callable[[], str]) -> Path:
    """Return `path`, written with what `make` returns if it does not exist."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(make())
    return path


def token() -> str:
    """Return a secret that nobody can guess."""
    return secrets.token_urlsafe(32)


def signing_keys() -> str:
    """Return the document of a first signing key."""
    return initial_keys(datetime.now(UTC), os.urandom).document().decode()


MAKERS: dict[Secret, Callable[[], str]] = {SIGNING_KEYS: signing_keys, OPERATOR_TOKEN: token, WEBHOOK_KEY: token}
"""How each secret that services read is made."""
