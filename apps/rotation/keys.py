"""When a signing key is made, when it signs, and when it goes. Pure: the clock and the randomness are passed in.

A key's id is its time of birth. A new key verifies at once and signs only when it has reached the age of `ADOPTION`, by
when every process has read it. The keys before the signing one go when the document has not changed for the longest
life of a URL: then none that they signed is valid.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from apps.domain.signing import LONGEST, SigningKeys

ADOPTION = timedelta(hours=12)
"""External Secrets reads hourly, the kubelet within two minutes, a process at its next look."""

ID_FORMAT = "%Y%m%dT%H%M%SZ"

KEY_BYTES = 32


def first(now: datetime, random: Callable[[int], bytes]) -> SigningKeys:
    """Return the first key. It signs at once: nobody holds a URL yet."""
    name = now.strftime(ID_FORMAT)
    return SigningKeys(name, {name: random(KEY_BYTES)})


def rotate(
    keys: SigningKeys, changed: datetime, now: datetime, period: timedelta, random: Callable[[int], bytes]
) -> SigningKeys:
    """Return the keys as they should be at `now`, given when they last changed; at most one step at a time.

    Raises ValueError for a key whose id is not its time of birth.
    """
    births = {name: _birth(name) for name in keys.secrets}
    newest = max(births, key=births.__getitem__)
    if newest != keys.current:
        return SigningKeys(newest, keys.secrets) if now - births[newest] >= ADOPTION else keys
    if len(keys.secrets) > 1:
        over = now - changed >= LONGEST + ADOPTION
        return SigningKeys(newest, {newest: keys.secrets[newest]}) if over else keys
    if now - births[newest] >= period:
        return SigningKeys(newest, {**keys.secrets, now.strftime(ID_FORMAT): random(KEY_BYTES)})
    return keys


def _birth(name: str) -> datetime:
    try:
        return datetime.strptime(name, ID_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        raise ValueError(
            f"signing key {name!r}: an id must be its time of birth, for example 20261123T024000Z"
        ) from None
