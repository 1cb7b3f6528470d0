"""What the job that measures the database pushes: from a real PostgreSQL, CloudWatch's protocol and a Pushgateway."""

import json
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from cronsim import CronSim

from apps.platform.settings import load
from apps.storage.measure import measure
from apps.storage.metrics import PERIOD
from apps.storage.service import DATABASE_METRICS
from apps.storage.settings import MeasurementSettings
from devtools.ports import free_port
from tests.support.kinesis import REGION, KinesisServer
from tests.support.monitoring import pushgateway
from tests.support.postgres import TestDatabase


def test_the_schedule_is_as_often_as_cloudwatch_has_news() -> None:
    times = CronSim(DATABASE_METRICS.schedule, datetime(2026, 1, 1, tzinfo=UTC))
    assert PERIOD + next(times) == next(times)


@pytest.fixture
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pushgateway(tmp_path_factory.mktemp("pushgateway")) as url:
        yield url


def pushed(gateway: str) -> dict[str, float]:
    """Return what the gateway holds of the database."""
    with urllib.request.urlopen(f"{gateway}/api/v1/metrics") as answer:
        (group,) = json.load(answer)["data"]
    return {
        name: float(metric["metrics"][0]["value"]) for name, metric in group.items() if name.startswith("database_")
    }


def settings(database: TestDatabase, gateway: str, **variables: str) -> MeasurementSettings:
    return load(MeasurementSettings, database.environment("monitor") | {"PUSHGATEWAY_URL": gateway} | variables)


def say(cloudwatch: KinesisServer, instance: str, name: str, *values: float) -> None:
    """Have CloudWatch know values of an instance's metric, one every five minutes, the last one just now."""
    client = boto3.client("cloudwatch", region_name=REGION, endpoint_url=cloudwatch.url)
    for age, value in enumerate(reversed(values)):
        datum = {
            "MetricName": name,
            "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": instance}],
            "Timestamp": datetime.now(UTC) - age * timedelta(minutes=5),
            "Value": value,
        }
        client.put_metric_data(Namespace="AWS/RDS", MetricData=[datum])


async def test_postgresql_tells_its_connections_and_size_without_any_grant(
    database: TestDatabase, gateway: str
) -> None:
    others = [await database.connect("api") for _ in range(3)]
    assert await measure(settings(database, gateway)) == 0
    for other in others:
        await other.close()
    found = pushed(gateway)
    assert 4 <= found["database_connections"] < found["database_max_connections"]
    assert found["database_size_bytes"] > 1_000_000
    assert datetime.now(UTC).timestamp() - found["database_last_measured_timestamp_seconds"] < 60
    assert not [name for name in found if "cpu" in name or "free" in name], "there is no instance"


async def test_cloudwatch_tells_the_newest_of_the_instance_and_nothing_of_what_it_does_not_have(
    database: TestDatabase, ministack: KinesisServer, gateway: str
) -> None:
    say(ministack, "ours", "FreeStorageSpace", 9e9, 8e9)
    say(ministack, "ours", "CPUUtilization", 42.0)
    say(ministack, "another", "FreeStorageSpace", 1.0)
    variables = {"DATABASE_INSTANCE": "ours", "AWS_ENDPOINT_URL": ministack.url}
    assert await measure(settings(database, gateway, **variables)) == 0
    found = pushed(gateway)
    assert found["database_free_storage_bytes"] == 8e9
    assert found["database_cpu_ratio"] == pytest.approx(0.42)
    assert "database_cpu_credits" not in found


async def test_a_source_that_does_not_answer_is_told_and_does_not_keep_the_other_one_back(
    database: TestDatabase, gateway: str, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    failing = settings(database, gateway, DATABASE_INSTANCE="ours", AWS_ENDPOINT_URL=nowhere)
    assert await measure(failing) == 1
    assert "cannot measure instance: EndpointConnectionError" in caplog.text
    found = pushed(gateway)
    assert found["database_connections"] >= 1
    assert "database_last_measured_timestamp_seconds" not in found
    assert await measure(settings(database, nowhere)) == 1
    assert f"cannot push to {nowhere}" in caplog.text
