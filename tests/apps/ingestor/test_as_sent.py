"""From a device's text to the row: what the gateway acknowledges is stored exactly as it was sent.

Over HTTP into the gateway, its records through the ingestor's writer into PostgreSQL, and compared there at the end.
"""

import asyncio
import csv
import gzip
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.domain.csv_file import GAPS
from apps.domain.signing import presign
from apps.gateway.app import create
from apps.gateway.settings import GatewaySettings
from apps.platform.settings import load
from apps.simulator.errors import ReplayError
from apps.simulator.replay import read_csv, replay
from apps.storage.connection import create_pool
from devtools.postgres import Postgres
from tests.apps.gateway.support import SIGNING, FaultyKinesis, PutFault, as_client, environment
from tests.apps.ingestor.desk import Desk, open_desk_on
from tests.apps.ingestor.support import START, settings_of
from tests.support import generated, postgres
from tests.support.generated import GARBAGE, Acknowledged, assert_stored, exactly, is_kept
from tests.support.serving import serving

RETENTION = {"READINGS_RETENTION_MONTHS": "3"}
READINGS = generated.readings(datetime(2024, 10, 1, tzinfo=UTC), START + timedelta(days=1))
UPLOADS = st.lists(READINGS | READINGS | READINGS | GARBAGE, max_size=6)
DEVICES = count()


class Uploads:
    """A gateway to put to, and the records that it put on the stream."""

    def __init__(self, client: httpx.Client, stream: FaultyKinesis) -> None:
        self._client = client
        self._stream = stream

    def put(self, device_id: str, content: bytes, **headers: str) -> httpx.Response:
        return self._client.put(
            presign(SIGNING, device_id, START + timedelta(hours=1)), content=content, headers=headers
        )

    @property
    def records(self) -> list[bytes]:
        return [entry["Data"] for call in self._stream.calls for entry in call]


@contextmanager
def gateway(folder: Path) -> Iterator[Uploads]:
    """Serve a gateway whose clock stands at START."""
    stream = FaultyKinesis(PutFault)
    app = create(load(GatewaySettings, environment(folder, **RETENTION)), as_client(stream), now=lambda: START)
    with serving(app) as base, httpx.Client(base_url=base, timeout=30) as client:
        yield Uploads(client, stream)


@asynccontextmanager
async def stored(server: Postgres, records: list[bytes]) -> AsyncIterator[Desk]:
    """Store records as the ingestor does, each twice, as after a crash between a write and its checkpoint."""
    database = await postgres.copy_template(server)
    configured = settings_of(database, "readings", **RETENTION)
    pool = await create_pool(configured, "test")
    desk = await open_desk_on(pool, configured, "w")
    for first in range(0, len(records), 250):
        for _ in range(2):
            await desk.write(*records[first : first + 250])
    yield desk
    pool.terminate()
    await postgres.drop_database(database)


@pytest.mark.generated
@pytest.mark.timeout(3600)
def test_what_is_acknowledged_is_in_the_database_as_it_was_sent(postgres_server: Postgres, tmp_path: Path) -> None:
    acknowledged: Acknowledged = {}
    refused: set[tuple[str, int]] = set()
    with gateway(tmp_path) as uploads:

        @settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
        @given(UPLOADS, st.sampled_from(["plain", "marked", "gzip", "x-gzip", "identity"]))
        def check(items: list[str], coding: str) -> None:
            device_id = f"d{next(DEVICES)}"
            content, headers = f"[{','.join(items)}]".encode(), {}
            if coding == "marked":
                content = b"\xef\xbb\xbf" + content
            elif coding != "plain":
                content, headers = gzip.compress(content) if "gzip" in coding else content, {"Content-Encoding": coding}
            answer = uploads.put(device_id, content, **headers)
            given_items = [] if items == [""] else items
            assert answer.status_code in {202, 422}, answer.text
            found = answer.json()
            wrong = {refusal["index"] for refusal in found["refused"]}
            assert found.get("accepted", 0) + len(wrong) == len(given_items)
            assert (answer.status_code == 422) == (bool(wrong) and len(wrong) == len(given_items))
            assert all(refusal["reason"] for refusal in found["refused"])
            refused.update((device_id, index) for index in wrong)
            for index, item in enumerate(given_items):
                if index not in wrong:
                    metric, ts, value = exactly(item)
                    acknowledged.setdefault((device_id, metric, ts), value)

        check()
        records = uploads.records

    async def compare() -> None:
        async with stored(postgres_server, records) as desk:
            await assert_stored(desk.pool, acknowledged)
            rejected_rows = await desk.pool.fetch("SELECT device_id, position FROM rejected_records")
            assert {(row["device_id"], row["position"]) for row in rejected_rows} == refused
            assert len(rejected_rows) == len(refused)

    assert acknowledged
    asyncio.run(compare())


@pytest.mark.generated
@pytest.mark.timeout(3600)
def test_a_body_that_is_damaged_or_something_else_is_refused_whole_and_leaves_nothing(tmp_path: Path) -> None:
    with gateway(tmp_path) as uploads:

        @settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
        @given(
            st.lists(READINGS | GARBAGE, min_size=1, max_size=3).map(lambda items: f"[{','.join(items)}]".encode()),
            st.sampled_from(
                ["cut", "followed", "bare gzip", "not gzip", "cut gzip", "br", "utf-16", "object", "lines"]
            ),
            st.floats(0, 1, exclude_max=True),
        )
        def check(content: bytes, damage: str, fraction: float) -> None:
            headers = {"Content-Encoding": {"br": "br", "not gzip": "gzip", "cut gzip": "gzip"}.get(damage, "identity")}
            packed = gzip.compress(content)
            sent = {
                "cut": content[: int(fraction * len(content))],
                "followed": content + b"]",
                "bare gzip": packed,
                "cut gzip": packed[: int(fraction * len(packed))],
                "utf-16": content.decode().encode("utf-16"),
                "object": b'{"readings": ' + content + b"}",
                "lines": content[1:-1] + b"\n" + content[1:-1],
            }.get(damage, content)
            answer = uploads.put("d", sent, **headers)
            assert answer.status_code == (415 if damage == "br" else 400), answer.text
            assert len(answer.json()["detail"]) > 20

        check()
        assert uploads.records == []


LEVELS = (
    st.decimals(-1000, 1000, places=2, allow_nan=False).map(str)
    | st.floats(allow_nan=False, allow_infinity=False).map(repr)
    | st.integers(-(2**60), 2**60).map(str)
    | st.sampled_from(
        ["", "nan", "unavailable", "1,5", "1_000", "1e400", "\N{ARABIC-INDIC DIGIT ONE}", '"21.50"', "007"]
    )
)
MOMENTS = generated.times(datetime(2025, 1, 1, tzinfo=UTC), START) | st.sampled_from(
    ["2025-02-01 12:00:00", "2025-02-01", "1735689600", "1735689600000", "yesterday", "2025-02-30 00:00:00"]
)
FILES = st.lists(st.tuples(MOMENTS, LEVELS), min_size=1, max_size=5)


@pytest.mark.generated
@pytest.mark.timeout(3600)
def test_a_replayed_file_is_in_the_database_as_it_was_written(postgres_server: Postgres, tmp_path: Path) -> None:
    acknowledged: Acknowledged = {}
    path = tmp_path / "data.csv"
    with gateway(tmp_path) as uploads:

        @settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture], deadline=None)
        @given(FILES, st.sampled_from(["\n", "\r\n"]), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
        def check(lines: list[tuple[str, str]], line_break: str, coding: str) -> None:
            device_id = f"d{next(DEVICES)}"
            text = line_break.join(["timestamp,value", *(",".join(line) for line in lines), ""])
            path.write_bytes(text.encode(coding))
            written = list(csv.reader(text.splitlines()[1:]))
            try:
                series = read_csv(path)
            except ReplayError as error:
                reason = str(error)
            else:
                reason = ""
            if reason:
                assert "line " in reason
                return
            values = [(ts, value) for ts, value in written if value.strip().lower() not in GAPS]
            assert len(series.rows) == len(values)
            assert series.gaps == len(written) - len(values)
            for (_, value), (_, text_value) in zip(series.rows, values, strict=True):
                assert is_kept(Decimal(text_value), value)
            samples = list(replay(series.rows, "m", START, 1, shift=False))
            answer = uploads.put(device_id, b"[" + b",".join(sample.data for sample in samples) + b"]")
            wrong = {item["index"] for item in answer.json().get("refused", ())}
            assert answer.status_code in {202, 422}
            ordered = sorted(zip(series.rows, values, strict=True), key=lambda item: item[0][0])
            for index, ((ts, _), (_, text_value)) in enumerate(ordered):
                if index not in wrong:
                    acknowledged.setdefault((device_id, "m", ts), Decimal(text_value))

        check()
        records = uploads.records

    async def compare() -> None:
        async with stored(postgres_server, records) as desk:
            await assert_stored(desk.pool, acknowledged)

    assert acknowledged
    asyncio.run(compare())
