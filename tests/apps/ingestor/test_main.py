"""The process: probes, metrics, and how it ends."""

import signal
import socket
import time
from collections.abc import Callable

from devtools.ports import free_port
from tests.apps.ingestor.processes import Ingestor
from tests.apps.ingestor.support import count, envelope, eventually, put
from tests.support.kinesis import KinesisServer
from tests.support.postgres import TestDatabase


async def test_the_process_stores_readings_says_so_and_stops_at_once(
    database: TestDatabase, ministack: KinesisServer, stream: str, start: Callable[..., Ingestor]
) -> None:
    put(ministack.client(), stream, [envelope("device-1", range(50))])
    ingestor = start(database.environment("ingestor"), ministack.environment(), READINGS_STREAM=stream)
    connection = await database.connect()
    await ingestor.answers("/ready", 200)

    async def stored() -> bool:
        return await count(connection) == 50

    await eventually(stored)
    metrics = await ingestor.answers("/metrics", 200, 'ingestor_records_total{outcome="stored"} 50.0')
    assert "ingestor_batch_lag_seconds{shard_id=" in metrics
    assert "ingestor_leases 2.0" in metrics
    assert ingestor.metric("ingestor_batch_lag_seconds") < 5
    stopped_at = time.monotonic()
    ingestor.process.send_signal(signal.SIGTERM)
    assert ingestor.process.wait(10) == 0
    assert time.monotonic() - stopped_at < 5
    assert await connection.fetchval("SELECT count(*) FROM shard_leases WHERE owner IS NOT NULL") == 0
    await connection.close()


async def test_without_a_database_it_lives_and_is_not_ready_and_stops_when_told(
    database: TestDatabase, ministack: KinesisServer, stream: str, start: Callable[..., Ingestor]
) -> None:
    nowhere = database.environment("ingestor") | {"DATABASE_PORT": str(free_port())}
    ingestor = start(nowhere, ministack.environment(), READINGS_STREAM=stream)
    assert "alive" in await ingestor.answers("/health", 200)
    await ingestor.answers("/ready", 503, "Connect")
    ingestor.process.send_signal(signal.SIGTERM)
    assert ingestor.process.wait(10) == 0


def test_settings_that_cannot_work_are_said_at_once(
    database: TestDatabase, ministack: KinesisServer, start: Callable[..., Ingestor]
) -> None:
    wrong = {"READINGS_STREAM": "readings", "DATABASE_CONNECTIONS": "1"}
    ingestor = start(database.environment("ingestor"), ministack.environment(), wrong)
    assert ingestor.process.wait(20) == 2
    assert "DATABASE_CONNECTIONS='1': Input should be greater than or equal to 2" in ingestor.stderr()


def test_a_port_that_is_taken_is_said_in_one_line(
    database: TestDatabase, ministack: KinesisServer, stream: str, start: Callable[..., Ingestor]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        variables = {"READINGS_STREAM": stream, "HTTP_PORT": str(taken.getsockname()[1])}
        ingestor = start(database.environment("ingestor"), ministack.environment(), variables)
        assert ingestor.process.wait(20) == 2
    assert f"HTTP_PORT={variables['HTTP_PORT']}" in ingestor.stderr()
