"""`python -m apps.migration`: bring tables, roles and grants up to date, then create partitions ahead.

It stands above the catalogue, because the roles with their grants are what all declarations together ask for.
"""

import json
import logging
from collections.abc import Mapping
from functools import partial

from apps.catalog import CATALOG
from apps.platform.errors import ConfigurationError
from apps.platform.process import run_job
from apps.resources import SENSORS
from apps.storage.commands import create_ahead, exit_code
from apps.storage.connection import in_transaction
from apps.storage.migrate import migrate
from apps.storage.service import MIGRATION
from apps.storage.settings import MigrationSettings

log = logging.getLogger(__name__)


def main() -> None:
    """Migrate and exit: 0 it worked or is ahead, 1 the database failed or is too new, 2 bad settings."""
    run_job(MIGRATION, MigrationSettings, partial(exit_code, _migrate))


async def _migrate(settings: MigrationSettings) -> None:
    roles, passwords = CATALOG.roles(SENSORS), _role_passwords(settings)
    result = await in_transaction(settings, lambda connection: migrate(connection, roles, passwords))
    if result.is_ahead:
        log.info("the schema is ahead of this release, nothing to do", extra={"revision": result.after})
    else:
        log.info("migrated the database", extra={"before": result.before, "after": result.after})
    await create_ahead(settings)


def _role_passwords(settings: MigrationSettings) -> Mapping[str, str]:
    if settings.role_passwords_file is None:
        return {}
    try:
        passwords = json.loads(settings.role_passwords_file.read_text())
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"ROLE_PASSWORDS_FILE={settings.role_passwords_file}: {error}") from None
    return {str(role): str(password) for role, password in passwords.items()}


if __name__ == "__main__":
    main()
