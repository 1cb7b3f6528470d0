"""What every handler works with."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from apps.api.access import OperatorToken
from apps.api.repository.database import Repository
from apps.api.settings import ApiSettings
from apps.domain.signing import SigningKeys
from apps.platform.secrets import SecretFile


@dataclass(frozen=True, slots=True)
class Context:
    """The service's parts. `now` tells the time."""

    settings: ApiSettings
    repository: Repository
    operator: OperatorToken
    signing_keys: SecretFile[SigningKeys]
    now: Callable[[], datetime]
