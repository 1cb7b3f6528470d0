"""The database is lost and an older copy of it is restored, while devices go on sending.

Checkpoints went back together with the rows, so the ingestors read again from the stream what the copy lacks.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from devtools.postgres import Postgres
from tests.apps.ingestor.processes import Ingestor
from tests.apps.ingestor.support import count, envelope, eventually, put
from tests.apps.ingestor.test_kill import Load
from tests.support import postgres
from tests.support.kinesis import KinesisServer
from tests.support.postgres import TestDatabase

RECORDS = 200


def base_copy(server: Postgres, folder: Path) -> None:
    """Copy the whole server while it runs, as a backup of RDS does."""
    command = [str(server.programs / "pg_basebackup"), "-h", "127.0.0.1", "-p", str(server.port), "-U", "owner"]
    environment = os.environ | {"PGPASSWORD": server.password_file.read_text()}
    subprocess.run([*command, "-D", str(folder), "-X", "stream", "-c", "fast"], env=environment, check=True)


def restore(server: Postgres, copy: Path) -> None:
    """Begin again with a copy. Its own data are gone."""
    data = server.folder / "data"
    owner = data.stat()
    shutil.rmtree(data)
    copy.rename(data)
    for path in (data, *data.rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid)
    server.start()


@asynccontextmanager
async def connected(database: TestDatabase) -> AsyncIterator[asyncpg.Connection]:
    connection = await database.connect()
    try:
        yield connection
    finally:
        if not connection.is_closed():
            await connection.close(timeout=5)


@pytest.fixture
async def database(own_server: Postgres) -> TestDatabase:
    return await postgres.copy_template(own_server)


@pytest.fixture
def environment(database: TestDatabase, ministack: KinesisServer, stream: str) -> dict[str, str]:
    return database.environment("ingestor") | ministack.environment() | {"READINGS_STREAM": stream}


@pytest.fixture
def start(environment: dict[str, str]) -> Iterator[Callable[[], Ingestor]]:
    started: list[Ingestor] = []

    def start() -> Ingestor:
        started.append(Ingestor(environment))
        return started[-1]

    yield start
    for ingestor in started:
        ingestor.process.kill()
        ingestor.process.communicate()


def recovery(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "apps.ingestor.recovery"]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)


@pytest.mark.timeout(300)
async def test_an_older_copy_of_the_database_is_filled_up_from_the_stream(
    database: TestDatabase,
    ministack: KinesisServer,
    stream: str,
    environment: dict[str, str],
    start: Callable[[], Ingestor],
    tmp_path: Path,
) -> None:
    load, client = Load(26, 10), ministack.client()

    async def send() -> None:
        await asyncio.to_thread(put, client, stream, load.chunk(RECORDS))

    survivor, other = start(), start()
    async with connected(database) as connection:
        await send()
        await load.verify(connection)
        # The copy falls into the middle of the writing.
        sending = asyncio.create_task(send())
        await asyncio.to_thread(base_copy, database.server, tmp_path / "copy")
        await sending
        await send()
        await load.verify(connection)
        in_the_lost = await count(connection)
    database.server.stop(signal.SIGQUIT)
    other.process.kill()
    await send()

    await asyncio.to_thread(restore, database.server, tmp_path / "copy")
    async with connected(database) as connection:
        assert await count(connection) < in_the_lost or (await count(connection, "rejected_records")) < load.rejected
        process = await asyncio.to_thread(recovery, environment)
        assert process.returncode == 0, process.stdout + process.stderr
        assert "nothing is lost" in process.stdout
        start()
        await send()
        await load.verify(connection)
        assert survivor.process.poll() is None


async def test_a_copy_that_is_older_than_the_retention_is_told_with_the_hours_that_are_lost(
    database: TestDatabase,
    ministack: KinesisServer,
    stream: str,
    environment: dict[str, str],
    start: Callable[[], Ingestor],
) -> None:
    ingestor = start()
    put(ministack.client(), stream, [envelope(f"pump-{number}", range(5)) for number in range(20)])
    async with connected(database) as connection:

        async def stored() -> bool:
            return await count(connection) == 100

        await eventually(stored)
        ingestor.process.terminate()
        await asyncio.to_thread(ingestor.process.wait)
        await connection.execute("UPDATE shard_leases SET read_until = read_until - interval '26 hours'")
    process = await asyncio.to_thread(recovery, environment)
    assert process.returncode == 1
    first, second, last = process.stdout.splitlines()
    for line in (first, second):
        assert "LOST from" in line
        assert "until 2:0" in line
    assert last == "some readings are lost: see above"

    again = start()
    await again.answers("/metrics", 200, "ingestor_retention_gaps_total 2.0")
    again.process.kill()
    assert "what arrived in between is lost" in again.stderr()
