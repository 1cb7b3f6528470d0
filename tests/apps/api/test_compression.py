"""What is compressed on its way to who asks, and what never is."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from apps.api.endpoint import MIN_COMPRESSED_BYTES
from tests.apps.api.conftest import RunningApi

GZIP, PLAIN = {"Accept-Encoding": "gzip"}, {"Accept-Encoding": "identity"}
LONG = dict.fromkeys(("built", "placed"), "a long description " * 50)


async def stocked(api: RunningApi) -> None:
    """A fleet of which the list is long, and a device that is long by itself."""
    for number in range(10):
        device = {"device_id": f"pump-{number}", "kind": "power", "name": f"Pump {number}", "attributes": LONG}
        (await api.http.post("/api/devices", json=device)).raise_for_status()


def coding(answer: httpx.Response) -> str | None:
    """Return how an answer was compressed."""
    answer.raise_for_status()
    found: str | None = answer.headers.get("content-encoding")
    return found


@pytest.mark.parametrize("path", ["/api/fleet", "/api/devices", "/api/openapi.json", "/api/docs"])
async def test_a_long_answer_is_compressed_for_who_takes_it(api: RunningApi, path: str) -> None:
    await stocked(api)
    small, plain = [await api.reader.get(path, headers=taken) for taken in (GZIP, PLAIN)]
    assert (coding(small), coding(plain)) == ("gzip", None)
    assert int(small.headers["content-length"]) < int(plain.headers["content-length"]) / 2
    assert "Accept-Encoding" in small.headers["vary"]
    assert "Accept-Encoding" in plain.headers["vary"]
    head = await api.reader.head(path, headers=GZIP)
    assert (coding(head), head.content) == ("gzip", b"")


async def test_an_answer_that_has_not_changed_is_not_sent_again_however_it_was_sent(api: RunningApi) -> None:
    await stocked(api)
    small, plain = [await api.reader.get("/api/devices", headers=taken) for taken in (GZIP, PLAIN)]
    assert small.content == plain.content
    assert small.headers["etag"] == plain.headers["etag"]
    known = {"If-None-Match": small.headers["etag"]}
    again = await api.reader.get("/api/devices", headers=PLAIN | known)
    assert (again.status_code, again.content) == (304, b"")
    assert "Accept-Encoding" in again.headers["vary"]


async def test_a_short_answer_is_sent_as_it_is(api: RunningApi) -> None:
    answer = await api.reader.get("/api/fleet", headers=GZIP)
    assert len(answer.content) < MIN_COMPRESSED_BYTES
    assert coding(answer) is None


async def test_what_a_strong_tag_names_keeps_its_bytes(api: RunningApi) -> None:
    await stocked(api)
    answer = await api.reader.get("/api/devices/pump-1", headers=GZIP)
    assert len(answer.content) > MIN_COMPRESSED_BYTES
    assert coding(answer) is None
    changed = await api.http.patch(
        "/api/devices/pump-1", json={"name": "Main pump"}, headers=GZIP | {"If-Match": answer.headers["etag"]}
    )
    assert coding(changed) is None


async def test_a_secret_is_never_compressed_together_with_what_somebody_else_wrote(api: RunningApi) -> None:
    screen = {"name": "hall", "views": [{"name": "Heating", "query": "?q=" + "boiler-" * 200}]}
    answer = await api.http.post("/api/viewing-links", json=screen, headers=GZIP)
    assert len(answer.content) > MIN_COMPRESSED_BYTES
    assert "#" in answer.json()["link"]
    assert coding(answer) is None


async def test_an_export_is_sent_as_it_is_written(api: RunningApi) -> None:
    began = datetime.now(UTC) - timedelta(minutes=10)
    await api.store(
        *(
            {"device_id": "pump", "metric": "power", "ts": (began + timedelta(seconds=n)).isoformat(), "value": n}
            for n in range(100)
        )
    )
    answer = await api.http.get("/api/readings/export", params={"format": "csv"}, headers=GZIP)
    assert len(answer.content) > MIN_COMPRESSED_BYTES
    assert coding(answer) is None
    assert answer.headers["transfer-encoding"] == "chunked"
