"""What every handler works with."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from apps.api.access import Access
from apps.api.archive.archive import Archive
from apps.api.database import Database
from apps.api.device_access import DeviceAccess
from apps.api.limits import Limits
from apps.api.rates import Rates
from apps.api.settings import ApiSettings
from apps.api.sign_in.provider import Provider
from apps.api.slots import Slots
from apps.domain.signing import SigningKeys
from apps.platform.secrets import ReloadingSecret


@dataclass(frozen=True, slots=True)
class Context:
    """The service's parts. `archive`: None where nothing is archived. `exports`, `dry_runs`: those that may go on at a
    time. `now` tells the time.
    """

    settings: ApiSettings
    limits: Limits
    database: Database
    access: Access
    provider: Provider
    device_access: DeviceAccess
    archive: Archive | None
    exports: Slots
    dry_runs: Slots
    rates: Rates
    signing_keys: ReloadingSecret[SigningKeys]
    now: Callable[[], datetime]
