"""`python -m apps.notifier` tells Alertmanager of alerts until told to stop; with `key RECEIVER` it shows a key."""

import asyncio
import random
import sys

import httpx

from apps.notifier.alertmanager import Alertmanager
from apps.notifier.follower import Follower
from apps.notifier.relay import Relay
from apps.notifier.service import NOTIFIER
from apps.notifier.settings import NotifierSettings
from apps.notifier.signatures import parse_key, receiver_key, written
from apps.platform import http
from apps.platform.errors import ConfigurationError
from apps.platform.process import run
from apps.platform.secrets import ReloadingSecret

TIMEOUT_SECONDS = 10
"""Of a request to Alertmanager or a webhook."""


async def main(settings: NotifierSettings, stopping: asyncio.Event) -> None:
    """Follow the alerts, and answer probes and Alertmanager."""
    key = ReloadingSecret(settings.webhook_key_file, parse_key)
    # Redirects are not followed: a signed message goes where the configuration says and nowhere else.
    async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
        relay = Relay(client, settings.notifications.webhooks, key)
        follower = Follower(
            settings,
            Alertmanager(client, settings.alertmanager_url),
            random.Random(),  # noqa: S311 - spreads retries, keeps no secret
        )
        following = asyncio.create_task(follower.run())
        following.add_done_callback(lambda _: stopping.set())
        try:
            await http.serve(http.application(relay.routes, follower.ready), settings, stopping)
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


async def show_key(settings: NotifierSettings, _stopping: asyncio.Event) -> None:
    """Print the key of a webhook for whoever checks its signatures. Raises ConfigurationError for an unknown one."""
    receiver, known = sys.argv[2], settings.notifications.webhooks
    if receiver not in known:
        raise ConfigurationError(f"no webhook is called {receiver!r}; there is {', '.join(sorted(known)) or 'none'}")
    print(written(receiver_key(ReloadingSecret(settings.webhook_key_file, parse_key).read(), receiver)))


if __name__ == "__main__":
    if sys.argv[1:2] == ["key"] and len(sys.argv) == 3:
        run(NOTIFIER, NotifierSettings, show_key)
    elif sys.argv[1:]:
        sys.exit("usage: python -m apps.notifier [key RECEIVER]")
    else:
        run(NOTIFIER, NotifierSettings, main)
