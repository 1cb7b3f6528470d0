"""When a signing key is made, when it signs, and when it goes. Pure: the clock and the randomness are passed in.

A key's id is the time when it was made. A new key verifies at once and signs only after `ACTIVATION_DELAY`, by when
every process has read it. The keys before the signing one go when the document has not changed for the longest life of
a URL: then none that they signed is valid.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from apps.domain.signing import MAX_URL_LIFETIME, SigningKeys

ACTIVATION_DELAY = timedelta(hours=12)
"""External Secrets reads hourly, the kubelet within two minutes, a process at its next look."""

ID_FORMAT = "%Y%m%dT%H%M%SZ"

KEY_BYTES = 32


def initial_keys(now: datetime, random_bytes: Callable[[int], bytes]) -> SigningKeys:
    """Return the first key. It signs at once: nobody holds a URL yet."""
    name = now.strftime(ID_FORMAT)
    return SigningKeys(name, {name: random_bytes(KEY_BYTES)})


def rotate(
    keys: SigningKeys, changed_at: datetime, now: datetime, period: timedelta, random_bytes: Callable[[int], bytes]
) -> SigningKeys:
    """Return the keys as they should be at `now`, given when they last changed; at most one step at a time.

    Raises ValueError for a key whose id is not the time when it was made.
    """
    created = {name: _created_at(name) for name in keys.secrets}
    newest = max(created, key=created.__getitem__)
    if newest != keys.current:
        return SigningKeys(newest, keys.secrets) if now - created[newest] >= ACTIVATION_DELAY else keys
    if len(keys.secrets) > 1:
        over = now - changed_at >= MAX_URL_LIFETIME + ACTIVATION_DELAY
        return SigningKeys(newest, {newest: keys.secrets[newest]}) if over else keys
    if now - created[newest] >= period:
        return SigningKeys(newest, {**keys.secrets, now.strftime(ID_FORMAT): random_bytes(KEY_BYTES)})
    return keys


def _created_at(name: str) -> datetime:
    try:
        return datetime.strptime(name, ID_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        raise ValueError(
            f"signing key {name!r}: an id must be the time when the key was made, for example 20261123T024000Z"
        ) from None
