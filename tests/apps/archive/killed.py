"""`python -m tests.apps.archive.killed N`: an archiver that dies before its Nth request to S3 is sent; 0: never."""

import asyncio
import os
import signal
import sys
from datetime import UTC, datetime
from itertools import count

import asyncpg

from apps.archive.archiver import Archiver
from apps.archive.settings import MIB, ArchiveSettings
from apps.platform.settings import load
from apps.storage.archive.bucket import Bucket
from apps.storage.connection import connect_arguments
from tests.apps.archive.support import BEFORE


async def main(number: int) -> None:
    settings = load(ArchiveSettings)
    bucket, requests = Bucket(settings, settings.archive_bucket), count(1)

    def die(**_: object) -> None:
        if next(requests) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    bucket.s3.meta.events.register("before-send", die)
    connection = await asyncpg.connect(**connect_arguments(settings, "archive"))
    outcome = await Archiver(connection, bucket, MIB, lambda: datetime.now(UTC)).run(BEFORE)
    await connection.close()
    sys.exit(1 if outcome.failed else 0)


asyncio.run(main(int(sys.argv[1])))
