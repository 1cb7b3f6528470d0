import asyncio
import gzip
import json
import random
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from apps.gateway.app import create
from apps.gateway.settings import GatewaySettings
from apps.platform.settings import load
from tests.apps.gateway.support import (
    LOST,
    SIGNING,
    FaultyKinesis,
    PutFault,
    as_client,
    body,
    envelopes,
    environment,
    upload_path,
)
from tests.support.kinesis import KinesisServer
from tests.support.serving import serving


@pytest.fixture
def gateway(tmp_path: Path, ministack: KinesisServer, stream: str) -> Iterator[str]:
    with serving(create(settings(tmp_path, READINGS_STREAM=stream), ministack.client())) as base:
        yield base


def settings(folder: Path, **changes: str) -> GatewaySettings:
    return load(GatewaySettings, environment(folder, **changes))


def put(base: str, content: bytes, device_id: str = "device-1", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.put(base + upload_path(device_id), content=content, headers=named, timeout=20)


def measured(base: str) -> dict[str, float]:
    families = text_string_to_metric_families(httpx.get(f"{base}/metrics").text)
    return {sample.name: sample.value for family in families for sample in family.samples if not sample.labels}


def test_readings_are_on_the_stream_once_the_answer_is_202(gateway: str, ministack: KinesisServer, stream: str) -> None:
    before = datetime.now(UTC)
    answer = put(gateway, body(3), traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    assert (answer.status_code, answer.json()) == (202, {"accepted": 3, "refused": []})
    (envelope,) = envelopes(ministack, stream)
    assert envelope.device_id == "device-1"
    assert msgspec.json.encode(envelope.readings) == body(3)
    assert before <= envelope.received_at <= datetime.now(UTC)
    assert envelope.traceparent is not None
    assert "0af7651916cd43dd8448eb211c80319c" in envelope.traceparent


def test_what_is_wrong_is_named_by_index_and_reason_and_kept_beside_what_is_right(
    gateway: str, ministack: KinesisServer, stream: str
) -> None:
    items = json.loads(body(2))
    items.insert(1, {"metric": "temperature", "ts": items[0]["ts"], "value": "high"})
    items.append({"metric": "temperature", "ts": "1970-01-01T00:00:00Z", "value": 1})
    answer = put(gateway, json.dumps(items).encode())
    assert answer.status_code == 202
    assert answer.json()["accepted"] == 2
    assert [refused["index"] for refused in answer.json()["refused"]] == [1, 3]
    assert "value: found" in answer.json()["refused"][0]["reason"]
    assert "clock" in answer.json()["refused"][1]["reason"]
    (envelope,) = envelopes(ministack, stream)
    assert len(envelope.readings) == 2
    assert [(rejected.index, rejected.kind) for rejected in envelope.rejected] == [(1, "schema"), (3, "clock")]
    assert '"high"' in envelope.rejected[0].payload


def test_a_body_without_any_acceptable_reading_is_answered_with_422_and_kept(
    gateway: str, ministack: KinesisServer, stream: str
) -> None:
    answer = put(gateway, b'[{"metric": 1}, 7]')
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [refused["index"] for refused in answer.json()["refused"]] == [0, 1]
    (envelope,) = envelopes(ministack, stream)
    assert (len(envelope.readings), len(envelope.rejected)) == (0, 2)


def test_an_empty_array_is_accepted_and_puts_nothing_on_the_stream(
    gateway: str, ministack: KinesisServer, stream: str
) -> None:
    assert put(gateway, b"[]").json() == {"accepted": 0, "refused": []}
    assert envelopes(ministack, stream) == []


def test_a_gzipped_body_is_taken_like_a_plain_one(gateway: str, ministack: KinesisServer, stream: str) -> None:
    assert put(gateway, gzip.compress(body(5)), content_encoding="gzip").json()["accepted"] == 5
    assert len(envelopes(ministack, stream)[0].readings) == 5


def test_readings_too_many_for_one_record_travel_in_several(
    gateway: str, ministack: KinesisServer, stream: str
) -> None:
    sent = body(10_000, metric="m" * 63)
    answer = put(gateway, gzip.compress(sent), content_encoding="gzip")
    assert answer.json()["accepted"] == 10_000
    # A call that is tried again may put its records behind those of the next one.
    parts = sorted(envelopes(ministack, stream), key=lambda part: part.readings[0].value)
    assert len(parts) > 1
    assert msgspec.json.encode([reading for part in parts for reading in part.readings]) == sent


@pytest.mark.parametrize(
    ("content", "headers", "status", "detail"),
    [
        (b"{}", {}, 400, "JSON array"),
        (b"[1", {}, 400, "JSON array"),
        (b"\x1f\x8b", {"content_encoding": "gzip"}, 400, "gzip"),
        (gzip.compress(b"[" + b" " * 6_000_000 + b"]"), {"content_encoding": "gzip"}, 413, "5000000 bytes"),
        (b" " * 1_000_001, {}, 413, "1000000 bytes"),
        (b"[" + b"1," * 10_000 + b"1]", {}, 413, "10001 readings"),
        (b"[]", {"content_encoding": "br"}, 415, "gzip"),
    ],
)
def test_a_body_that_cannot_be_taken_is_refused_with_what_to_do(
    gateway: str, content: bytes, headers: dict[str, str], status: int, detail: str
) -> None:
    answer = put(gateway, content, **headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert detail in answer.json()["detail"]


def test_the_signature_is_checked_before_the_body(gateway: str) -> None:
    forged = upload_path()[:-1] + "g"
    answer = httpx.put(gateway + forged, content=b"x" * 2_000_000, headers={"content-encoding": "br"})
    assert answer.status_code == 403
    assert "upload URL" in answer.json()["detail"]


@pytest.mark.parametrize("method", ["GET", "DELETE", "PATCH", "OPTIONS", "HEAD"])
def test_no_other_method_is_taken(gateway: str, method: str) -> None:
    assert httpx.request(method, gateway + upload_path(), content=body()).status_code == 405


def test_a_url_is_signed_for_put_alone(gateway: str) -> None:
    assert httpx.post(gateway + upload_path(), content=body()).status_code == 403


def test_the_host_header_does_not_change_what_is_verified(gateway: str) -> None:
    url = gateway + upload_path()
    assert httpx.put(url, content=body(), headers={"host": "evil.example/ingest/device-2?"}).status_code == 202
    assert httpx.put(gateway + "/x", content=body(), headers={"host": f"a{upload_path()}"}).status_code == 404


def test_keys_rotate_without_a_restart_and_a_bad_file_changes_nothing(tmp_path: Path, gateway: str) -> None:
    new = {"current": "k2", "keys": {"k2": "bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3"}}
    old_url, file = gateway + upload_path(), tmp_path / "keys.json"
    signer = SIGNING.parse(json.dumps(new).encode())
    new_url = gateway + upload_path(keys=signer)
    assert (httpx.put(old_url, content=b"[]").status_code, httpx.put(new_url, content=b"[]").status_code) == (202, 403)
    both = {"current": "k2", "keys": new["keys"] | json.loads(file.read_text())["keys"]}
    for document, wanted in ((json.dumps(both), (202, 202)), ("{", (202, 202)), (json.dumps(new), (403, 202))):
        file.write_text(document)
        statuses = httpx.put(old_url, content=b"[]").status_code, httpx.put(new_url, content=b"[]").status_code
        assert statuses == wanted, document


def test_readiness_follows_the_stream(tmp_path: Path, ministack: KinesisServer, stream: str) -> None:
    for name, status in ((stream, 200), ("no-such-stream", 503)):
        with serving(create(settings(tmp_path, READINGS_STREAM=name), ministack.client())) as base:
            answer = httpx.get(f"{base}/ready")
            assert answer.status_code == status
            assert status == 200 or "no-such-stream: ResourceNotFoundException" in answer.json()["reason"]


async def test_under_faults_every_202_is_on_the_stream_and_every_503_was_not_acknowledged(
    tmp_path: Path, ministack: KinesisServer, stream: str
) -> None:
    """F20: a quarter of the calls fails, and some records of the others; two devices fail for good."""
    rng = random.Random(20)
    codes = ["ThrottlingException", "InternalFailure", "ServiceUnavailable", "ProvisionedThroughputExceededException"]

    def next_fault() -> PutFault:
        unlucky = {f"device-{at}" for at in range(2, 60) if rng.random() < 0.3} | {"device-0", "device-1"}
        code = rng.choice([*codes, LOST]) if rng.random() < 0.25 else None
        return PutFault(code, lambda entry: entry["PartitionKey"] in unlucky)

    kinesis = FaultyKinesis(next_fault, ministack.client())
    with serving(
        create(settings(tmp_path, READINGS_STREAM=stream, PUT_TIMEOUT_SECONDS="3"), as_client(kinesis), rng=rng)
    ) as base:
        async with httpx.AsyncClient(timeout=20) as http:

            async def send(device: int) -> httpx.Response:
                await asyncio.sleep(rng.random() / 2)
                return await http.put(base + upload_path(f"device-{device}"), content=body(device + 1))

            answers = await asyncio.gather(*map(send, range(60)))
    acknowledged = {msgspec.json.decode(data)["device_id"] for data in kinesis.acknowledged}
    stored = {envelope.device_id: len(envelope.readings) for envelope in envelopes(ministack, stream)}
    for device, answer in enumerate(answers):
        name = f"device-{device}"
        assert answer.status_code == (202 if name in acknowledged else 503)
        if answer.status_code == 202:
            assert stored[name] == device + 1
        else:
            assert 1 <= int(answer.headers["retry-after"]) <= 5
            assert "send them again" in answer.json()["detail"]
    assert [answers[device].status_code for device in (0, 1)] == [503, 503]
    assert sum(answer.status_code == 202 for answer in answers) > 50


def test_a_request_is_accepted_only_when_each_of_its_records_is(tmp_path: Path) -> None:
    seen: list[Any] = []

    def spoils(entry: Any) -> bool:
        seen.append(entry)
        return entry is not seen[0] and entry["Data"] != seen[0]["Data"]

    kinesis = FaultyKinesis(lambda: PutFault(spoils=spoils))
    with serving(create(settings(tmp_path, PUT_TIMEOUT_SECONDS="0.3"), as_client(kinesis))) as base:
        answer = put(base, gzip.compress(body(10_000, metric="m" * 63)), content_encoding="gzip")
    assert answer.status_code == 503
    assert len(kinesis.acknowledged) == 1


async def test_an_overloaded_gateway_refuses_with_503_and_recovers(tmp_path: Path) -> None:
    release = threading.Event()

    class Hanging(FaultyKinesis):
        def put_records(self, **arguments: Any) -> Any:
            release.wait(20)
            return super().put_records(**arguments)

    changes = {"MAX_IN_FLIGHT_BYTES": "5000000", "MAX_CONCURRENT_PUTS": "1"}
    with serving(create(settings(tmp_path, **changes), as_client(Hanging(PutFault)))) as base:
        async with httpx.AsyncClient(timeout=20) as http:
            urls = [base + upload_path(f"device-{number}") for number in range(20)]
            pending = {asyncio.create_task(http.put(url, content=body(9_000))) for url in urls}
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            assert {answer.result().status_code for answer in done} == {503}
            assert "overloaded" in done.pop().result().json()["detail"]
            release.set()
            later = await asyncio.gather(*pending)
            assert 202 in {answer.status_code for answer in later}
            assert (await http.put(base + upload_path(), content=body())).status_code == 202
            assert measured(base)["gateway_record_bytes"] == 0
            assert measured(base)["gateway_body_bytes"] == 0


def test_every_outcome_is_counted(gateway: str) -> None:
    before = measured(gateway)
    put(gateway, body(4))
    put(gateway, b"[1]")
    after = measured(gateway)
    grown = {name: after[name] - before.get(name, 0) for name in after if after[name] != before.get(name, 0)}
    assert grown["gateway_readings_accepted_total"] == 4
    assert grown["gateway_records_acknowledged_total"] == 2
    assert after["gateway_uploads_in_flight"] == 0


def test_an_expired_url_says_so(tmp_path: Path) -> None:
    later = datetime.now(UTC) + timedelta(hours=2)
    with serving(create(settings(tmp_path), as_client(FaultyKinesis(PutFault)), now=lambda: later)) as base:
        answer = put(base, body())
    assert answer.status_code == 403
    assert "expired" in answer.json()["detail"]
