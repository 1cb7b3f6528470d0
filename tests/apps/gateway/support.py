"""The gateway as a process, its streams, and the faults of AWS."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgspec
from botocore.exceptions import ClientError, ReadTimeoutError

from apps.domain.readings import Envelope
from apps.domain.signing import SigningKeys, presign
from devtools.ports import free_port
from tests.support.devices import KEYS
from tests.support.kinesis import CREDENTIALS, KinesisServer
from tests.support.serving import await_answer

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient

SIGNING = SigningKeys.parse(KEYS.encode())


def upload_path(device_id: str = "device-1", keys: SigningKeys = SIGNING) -> str:
    return presign(keys, device_id, datetime.now(UTC) + timedelta(hours=1))


def body(count: int = 1, metric: str = "temperature", start: datetime | None = None) -> bytes:
    """Return `count` valid readings, a second apart."""
    first = start or datetime(2026, 11, 1, tzinfo=UTC)
    readings = [{"metric": metric, "ts": first + timedelta(seconds=at), "value": at / 4} for at in range(count)]
    return msgspec.json.encode(readings)


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """Return settings under which the gateway starts, with no stream behind it unless one is named."""
    keys = folder / "keys.json"
    if not keys.exists():
        keys.write_text(KEYS)
    basic = {
        **CREDENTIALS,
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "READINGS_STREAM": "readings",
        "SIGNING_KEYS_FILE": str(keys),
        "HTTP_PORT": str(free_port()),
        "LOG_LEVEL": "WARNING",
        # No database behind it unless one is named: what has a valid signature is taken all the same.
        "DATABASE_HOST": "127.0.0.1",
        "DATABASE_PORT": "9",
        "DATABASE_USER": "gateway",
        "DATABASE_AUTH": "password",
        "DATABASE_PASSWORD_FILE": str(keys),
        "WHEN_REVOCATIONS_ARE_UNKNOWN": "accept",
        "KNOWLEDGE_FILE": str(folder / "knowledge"),
        "READINGS_RETENTION_MONTHS": "120",  # the readings of these tests are kept whenever they run
    }
    return basic | settings


@dataclass
class Gateway:
    """A running gateway process."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def running(folder: Path, **settings: str) -> Iterator[Gateway]:
    """Run `python -m apps.gateway` until the block ends."""
    variables = environment(folder, **settings)
    log = folder / "gateway.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "apps.gateway"], env=os.environ | variables, stdout=output, stderr=output
        )
    try:
        gateway = Gateway(process, int(variables["HTTP_PORT"]), log)
        await_answer(gateway.base)
        yield gateway
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    assert "Traceback" not in log.read_text(), log.read_text()


def envelopes(server: KinesisServer, stream: str) -> list[Envelope]:
    """Return everything that is on a stream."""
    client = server.client()
    found = []
    for shard in client.list_shards(StreamName=stream)["Shards"]:
        iterator = client.get_shard_iterator(
            StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while True:
            answer = client.get_records(ShardIterator=iterator)
            found += [msgspec.json.decode(record["Data"], type=Envelope) for record in answer["Records"]]
            if not answer["Records"]:
                break
            iterator = answer["NextShardIterator"]
    return found


LOST = "the call is carried out and its answer is lost"


@dataclass
class PutFault:
    """What happens to one PutRecords call: it fails as a whole, by error code or LOST, or for some of its records."""

    code: str | None = None
    spoils: Callable[[Any], bool] = lambda entry: False


def as_client(stand_in: object) -> "KinesisClient":
    """Return a stand-in for Kinesis as the client whose calls it answers."""
    return cast("KinesisClient", stand_in)


class FaultyKinesis:
    """A Kinesis client whose PutRecords calls fail as `next_fault` says; keeps what it acknowledged.

    Without a `client` behind it the records go nowhere.
    """

    def __init__(self, next_fault: Callable[[], PutFault], client: Any = None) -> None:
        self._next_fault = next_fault
        self._client = client
        self.calls: list[list[Any]] = []
        self.acknowledged: Counter[bytes] = Counter()

    def describe_stream_summary(self, **_: Any) -> Any:
        return {"StreamDescriptionSummary": {"StreamStatus": "ACTIVE"}}

    def put_records(self, *, StreamName: str, Records: list[Any]) -> Any:  # noqa: N803 - boto3's names
        fault = self._next_fault()
        self.calls.append(Records)
        if fault.code not in {None, LOST}:
            raise ClientError({"Error": {"Code": fault.code, "Message": "injected"}}, "PutRecords")
        taken = [entry for entry in Records if not fault.spoils(entry)]
        answers = iter(self._put(StreamName, taken))
        if fault.code == LOST:
            raise ReadTimeoutError(endpoint_url="injected")
        results = [
            {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "injected"}
            if fault.spoils(entry)
            else next(answers)
            for entry in Records
        ]
        self.acknowledged.update(
            entry["Data"] for entry, result in zip(Records, results, strict=True) if "SequenceNumber" in result
        )
        return {"FailedRecordCount": len(Records) - len(taken), "Records": results}

    def _put(self, stream: str, entries: list[Any]) -> list[Any]:
        if self._client is None:
            return [{"SequenceNumber": "1", "ShardId": "s"} for _ in entries]
        return self._client.put_records(StreamName=stream, Records=entries)["Records"] if entries else []
