"""`python -m apps.rules`: judge what is stored by people's rules until told to stop."""

import asyncio

from apps.platform import http
from apps.platform.process import run
from apps.rules.service import RULES
from apps.rules.settings import RulesSettings
from apps.rules.worker import Worker
from apps.storage.connection import connect_arguments


async def main(settings: RulesSettings, stopping: asyncio.Event) -> None:
    """Run one worker and its probes."""
    worker = Worker(settings, connect_arguments(settings, "rules"), stopping)
    working = asyncio.create_task(worker.run())
    working.add_done_callback(lambda _: stopping.set())  # probes without a worker would tell a lie
    try:
        await http.serve(http.application([], worker.ready), settings, stopping)
    finally:
        stopping.set()
        await working


if __name__ == "__main__":
    run(RULES, RulesSettings, main)
