"""A series says whether the detector knows what is usual of it yet."""

from datetime import UTC, datetime, timedelta

import asyncpg

from tests.apps.api.conftest import RunningApi

BEGAN = datetime(2026, 11, 25, 16, 34, tzinfo=UTC)


async def test_a_series_says_until_when_the_detector_learns_and_how_far_it_judged(
    api: RunningApi, owner: asyncpg.Connection
) -> None:
    (await api.http.post("/api/devices", json={"device_id": "room", "kind": "temperature"})).raise_for_status()
    reading: dict[str, object] = {"device_id": "room", "ts": datetime.now(UTC).isoformat(), "value": 1}
    await api.store(*(reading | {"metric": metric} for metric in ("co2", "humidity", "warmth")))
    learning = (BEGAN + timedelta(days=1)).timestamp()
    for metric, until, usual in (("humidity", None, [19.5, 22.25]), ("warmth", learning, None)):
        await owner.execute(
            "INSERT INTO detector_memory (signal, model, model_version, memory) VALUES ($1, 'rarity', '2', "
            "jsonb_strip_nulls(jsonb_build_object('last', $2::float8, 'learning_until', $3::float8, "
            "'usual', to_jsonb($4::float8[]))))",
            f"sensor:room/{metric}",
            BEGAN.timestamp(),
            until,
            usual,
        )
    answer = await api.reader.get("/api/devices/room/detection")
    judged, nothing_usual = "2026-11-25T16:34:00Z", {"usual_low": None, "usual_high": None}
    assert answer.json() == [
        {"metric": "co2", "judged_until": None, "learning_until": None} | nothing_usual,
        {"metric": "humidity", "judged_until": judged, "learning_until": None, "usual_low": 19.5, "usual_high": 22.25},
        {"metric": "warmth", "judged_until": judged, "learning_until": "2026-11-26T16:34:00Z"} | nothing_usual,
    ]
    assert (await api.reader.get("/api/devices/nowhere/detection")).status_code == 404
