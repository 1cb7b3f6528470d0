"""What fields mean, and an example of each, where their declaration says neither: by their name alone."""

from typing import Any, NamedTuple


class Words(NamedTuple):
    """What a field means, for people, and a value that it may have. None: its name says it, or it has no example."""

    meaning: str | None
    example: Any = None


ANA = "ana@example.com"

FIELD_WORDS = {
    "accepted": Words("How many readings were accepted"),
    "acknowledged_at": Words("When somebody said that they look after it"),
    "acknowledged_by": Words("Who said so", ANA),
    "action": Words("A resource and a verb", "device.change"),
    "active": Words("Whether its newest reading is recent"),
    "actor": Words("Who did it", ANA),
    "address": Words("Where the request came from", "203.0.113.7"),
    "alert_id": Words("Names the alert", "4f9c1b0e-6c1f-4a0e-9d51-0a1b2c3d4e5f"),
    "avg": Words("The mean of the readings", 21.5),
    "bucket_seconds": Words("The length of a bucket", 300),
    "can_sign_out": Words("Whether there is a session to end"),
    "changed_by": Words("Who made this version", ANA),
    "comment": Words("What whoever did it said", "A loose screw"),
    "count": Words("How many", 12),
    "created_by": Words("Who made it", ANA),
    "credential": Words("What the device proves itself with; shown this once", "sad_0123456789abcdef_…"),
    "cool_down_seconds": Words("How long after its end none is opened", 600),
    "detail": Words(
        "What went wrong, and what to do about it", "the parameter metric is missing: this operation needs it"
    ),
    "device_id": Words("The device", "boiler-1"),
    "dropped": Words("How many readings the client missed, being slow", 0),
    "expected": Words("What the model expected, in the unit of the metric", 3.1),
    "happened_at": Words("In the readings' own time, where readings made it happen"),
    "key": Words("Its text; shown this once", "sak_0123456789ab_…"),
    "kind": Words("What the device is", "temperature"),
    "labels": Words("By which devices are found and told apart", "site:delft"),
    "last_seen_at": Words("The time of its newest reading"),
    "last_used_at": Words("When it was last used, to the minute"),
    "learning_until": Words("When the detector will probably have seen enough"),
    "link": Words("Open it on the screen; shown this once", "https://sensors.example.com/wall#sav_0123456789abcdef_…"),
    "matching": Words("Devices that the filters leave", 12),
    "max": Words("The highest reading", 23.4),
    "message": Words("What is wrong, in a sentence", "Boiler room is 91.2 °C, above 80 °C"),
    "metric": Words("What was measured", "temperature"),
    "min": Words("The lowest reading", 20.2),
    "model": Words("Which model noticed it", "rarity"),
    "model_version": Words("Which version of the model", "2"),
    "name": Words(None, "Boiler room"),
    "next_cursor": Words("Where the next page starts; null after the last"),
    "observed": Words("What was measured, in the unit of the metric", 9.46),
    "open_alerts": Words("How many of its alerts are not resolved", 1),
    "opened_at": Words("When the alert was opened"),
    "owner": Words("Who made it", ANA),
    "payload": Words("What was sent, cut off at 1 KiB", '{"metric": "temperature"}'),
    "reason": Words("Why", "ts is in the future: set the device's clock"),
    "received_at": Words("When the platform received it"),
    "resolved_at": Words("When it was over"),
    "resolved_by": Words("Who said so, or which service", ANA),
    "revoked_by": Words("Who revoked it", ANA),
    "rule": Words("The rule or the model that opened it", "boiler-too-hot"),
    "rule_version": Words("Which version of the rule", 3),
    "score": Words("How surprising the model finds it, or how far beyond its limit a rule: larger is worse", 7.7),
    "severity": Words("How bad it is"),
    "sign_in": Words("Where to sign in", "/api/session/sign-in"),
    "since": Words("From when on"),
    "snoozed_until": Words("Until when nobody is told of it again; where that is past it was snoozed until then"),
    "source": Words("What it is about: a device and a metric, or a service and a signal", "boiler-1/temperature"),
    "spark": Words("The last minutes of the series"),
    "stored_at": Words("When it was stored"),
    "subject": Words("What was changed", "boiler-1"),
    "threshold": Words("The limit that was passed, in the unit of the metric", 80),
    "title": Words("The status in words", "Not Found"),
    "total": Words("How many there are", 400),
    "ts": Words("When it was measured"),
    "type": Words("Which kind it is", "about:blank"),
    "unit": Words("The unit of the metric, as the device names it", "°C"),
    "until": Words("Up to when"),
    "updated_at": Words("When it last changed"),
    "updated_by": Words("Who changed it last", ANA),
    "url": Words("Where to PUT readings", "https://sensors.example.com/ingest/boiler-1?expires=…"),
    "value": Words(None, 21.5),
    "version": Words("Grows with each change", 3),
    "window_end": Words("The end of what was judged, in the readings' own time"),
    "window_start": Words("The beginning of what was judged, in the readings' own time"),
    "worst": Words("The severity of the worst of its alerts"),
    "status": Words("The status of the answer", 404),
    "time_zone": Words("A name of the IANA database", "Europe/Amsterdam"),
}
