"""What this process knows of credentials: which hold, and what was revoked. In memory, so that an upload waits for no
database; `apps.gateway.credential_follower` keeps it true.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from apps.domain.credentials import Credential
from apps.domain.signing import UploadGrant
from apps.gateway.metrics import KNOWN_CREDENTIALS
from apps.storage.credentials import ChangedCredential, Changes


class LiveCredential(NamedTuple):
    """A credential that holds until it expires."""

    device_id: str
    digest: bytes
    expires_at: float | None
    """In seconds since 1970."""


class KnownCredentials:
    """At most `max_live` credentials that hold, the newest, and all that was revoked.

    `monotonic` measures how old it is.
    """

    def __init__(self, max_live: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._max_live = max_live
        self._monotonic = monotonic
        self._live: OrderedDict[str, LiveCredential] = OrderedDict()
        self._revoked: set[str] = set()
        self._generations: dict[str, int] = {}
        self._confirmed_at: float | None = None
        self.version: int | None = None
        """Of the database's changes; None: nothing is known."""
        self.is_truncated = False
        """Whether there are more that hold than are known."""

    @property
    def age(self) -> float | None:
        """Seconds since the database last said that this is how things are; None: it never did."""
        return None if self._confirmed_at is None else self._monotonic() - self._confirmed_at

    def confirm(self, age: float = 0) -> None:
        """Note that it was true `age` seconds ago."""
        self._confirmed_at = self._monotonic() - age

    def apply(self, changes: Changes) -> None:
        """Take in what changed."""
        if changes.is_everything:
            self._live.clear()
            self._revoked.clear()
            self._generations.clear()
            self.is_truncated = False
        for credential in changes.credentials:
            self._live.pop(credential.credential_id, None)
            if credential.is_revoked:
                self._revoked.add(credential.credential_id)
            else:
                self._live[credential.credential_id] = _live(credential)
        while len(self._live) > self._max_live:
            self._live.popitem(last=False)
            self.is_truncated = True
        self._generations.update(changes.generations)
        self.version = changes.version
        KNOWN_CREDENTIALS.set(len(self._live))

    def everything(self) -> Changes:
        """Return what `apply` takes to know the same. Only for what is not truncated: a part is not everything."""
        credentials = [
            ChangedCredential(
                credential_id,
                live.device_id,
                live.digest,
                None if live.expires_at is None else datetime.fromtimestamp(live.expires_at, UTC),
                is_revoked=False,
            )
            for credential_id, live in self._live.items()
        ]
        revoked = [
            ChangedCredential(credential_id, "", b"", None, is_revoked=True) for credential_id in sorted(self._revoked)
        ]
        return Changes(self.version or 0, True, [*credentials, *revoked], self._generations)

    def is_void(self, grant: UploadGrant) -> bool:
        """Tell whether the URL that says this was revoked."""
        return grant.credential_id in self._revoked or grant.generation < self._generations.get(grant.device_id, 0)

    def knows(self, credential_id: str) -> bool:
        """Tell whether there is, or was, such a credential."""
        return credential_id in self._live or credential_id in self._revoked

    def device_of(self, credential: Credential, now: datetime) -> str | None:
        """Return the device whose credential this is; None when it is none that holds."""
        known = self._live.get(credential.credential_id)
        # What is not known takes as long as a wrong secret.
        is_right = credential.matches(bytes(32) if known is None else known.digest) and known is not None
        if known is None or not is_right:
            return None
        return known.device_id if known.expires_at is None or now.timestamp() < known.expires_at else None


def _live(credential: ChangedCredential) -> LiveCredential:
    expires_at = None if credential.expires_at is None else credential.expires_at.timestamp()
    return LiveCredential(credential.device_id, credential.digest, expires_at)
