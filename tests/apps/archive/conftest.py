"""A bucket of the test's own, and an archiver between it and a database."""

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg
import pytest

from apps.archive.archiver import Archiver
from apps.archive.settings import MIB, ArchiveSettings
from apps.platform.settings import load
from apps.storage.archive.bucket import Bucket
from tests.apps.archive.support import settings_of
from tests.support.kinesis import KinesisServer
from tests.support.postgres import TestDatabase


@pytest.fixture
def settings(database: TestDatabase, ministack: KinesisServer) -> ArchiveSettings:
    return load(ArchiveSettings, settings_of(database, ministack, f"archive-{uuid.uuid4().hex[:12]}"))


@pytest.fixture
def bucket(settings: ArchiveSettings) -> Bucket:
    created = Bucket(settings, settings.archive_bucket)
    created.s3.create_bucket(Bucket=created.name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return created


@pytest.fixture
async def owner(database: TestDatabase) -> AsyncIterator[asyncpg.Connection]:
    connection = await database.connect()
    yield connection
    await connection.close()


@pytest.fixture
async def archiver(database: TestDatabase, bucket: Bucket) -> AsyncIterator[Archiver]:
    connection = await database.connect("archive")
    yield Archiver(connection, bucket, MIB, lambda: datetime(2026, 11, 26, 3, tzinfo=UTC))
    await connection.close()
