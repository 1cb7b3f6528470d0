"""`python -m apps.smoke`: try a version of a service in the cluster, and say which step failed."""

import logging
import random

from apps.platform.errors import ConfigurationError
from apps.platform.process import FAILED, run_job
from apps.smoke.errors import SmokeError
from apps.smoke.service import SMOKE_TEST
from apps.smoke.settings import SmokeSettings
from apps.smoke.steps import Endpoints, SmokeTest

log = logging.getLogger(__name__)


async def main(settings: SmokeSettings) -> int:
    """Do every step and return the exit code. Raises ConfigurationError without a key."""
    try:
        key = settings.operator_token_file.read_text().strip()
    except OSError as error:
        raise ConfigurationError(f"OPERATOR_TOKEN_FILE={settings.operator_token_file}: {error.strerror}") from None
    endpoints = Endpoints(settings.dashboard_url, settings.api_url, settings.gateway_url, key)
    try:
        await SmokeTest(endpoints, random.SystemRandom().randrange(10**9) / 1000, log.info).run()
    except SmokeError as error:
        log.error("smoke test: %s", error)
        return FAILED
    return 0


if __name__ == "__main__":
    run_job(SMOKE_TEST, SmokeSettings, main)
