"""Real parts for every test: a PostgreSQL server, a Kinesis API, each started once and only when wanted."""

import asyncio
import os
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from devtools.postgres import Postgres
from tests.support import kinesis, postgres
from tests.support.kinesis import KinesisServer
from tests.support.postgres import TestDatabase

# A busy machine is no fault of a test.
settings.register_profile("quick", deadline=None)
# What `nox -s slow` runs the tests with that are marked `generated`.
settings.register_profile("thorough", deadline=None, max_examples=10_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


@pytest.fixture(scope="session", autouse=True)
def aws_credentials() -> Iterator[None]:
    """No test may reach AWS by the credentials of whoever runs it."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in kinesis.CREDENTIALS.items():
            patch.setenv(name, value)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.delenv("AWS_PROFILE", raising=False)
        yield


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """One server for the whole run, with a migrated template database."""
    with postgres.running_server(Path(tempfile.mkdtemp(prefix="postgres-"))) as server:
        asyncio.run(postgres.make_template(server))
        yield server


@pytest.fixture
async def database(postgres_server: Postgres) -> AsyncIterator[TestDatabase]:
    """A migrated, empty database of the test's own."""
    created = await postgres.copy_template(postgres_server)
    yield created
    await postgres.drop_database(created)


@pytest.fixture
async def empty_database(postgres_server: Postgres) -> AsyncIterator[TestDatabase]:
    """A database of the test's own without any table."""
    created = await postgres.create_empty(postgres_server)
    yield created
    await postgres.drop_database(created)


@pytest.fixture
async def own_server() -> AsyncIterator[Postgres]:
    """A migrated server of the test's own, to stop, crash and start again."""
    with postgres.running_server(Path(tempfile.mkdtemp(prefix="postgres-"))) as server:
        await postgres.make_template(server)
        yield server


@pytest.fixture(scope="session")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KinesisServer]:
    """The quick Kinesis API of the local stack. It loses a shard's records on a split."""
    server = kinesis.start_ministack(tmp_path_factory.mktemp("ministack"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def kinesis_local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KinesisServer]:
    """The slow Kinesis API that splits and merges as AWS does."""
    server = kinesis.start_kinesis_local(tmp_path_factory.mktemp("kinesis-local"))
    yield server
    server.stop()


@pytest.fixture
def stream(ministack: KinesisServer) -> str:
    """A fresh stream of two shards on MiniStack."""
    return ministack.create_stream(f"readings-{uuid.uuid4().hex[:12]}", shards=2)


@pytest.fixture
def resharding_stream(kinesis_local: KinesisServer) -> str:
    """A fresh stream of one shard on the API that splits truly."""
    return kinesis_local.create_stream(f"readings-{uuid.uuid4().hex[:12]}", shards=1)
