"""What a message says, and until when an alert is open at Alertmanager."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from apps.domain.alerts import AlertState, Severity
from apps.notifier.wording import (
    LIFETIME,
    Notice,
    as_alertmanager_takes_it,
    labels,
    number,
    summary,
)
from tests.apps.notifier.alerts import COLD_ROOM, NOW, alert

HOLD = timedelta(minutes=2)
OVER: dict[str, Any] = {"state": AlertState.RESOLVED, "resolved_at": NOW.replace(minute=5)}


def test_a_message_names_the_device_the_value_with_its_unit_what_is_usual_and_since_when() -> None:
    assert summary(alert(), COLD_ROOM) == (
        "Cold room 3: temperature is 9.4 °C, usual is -18.12 °C; since 26 Nov 15:34 UTC"
    )


def test_a_message_about_what_is_over_says_from_when_to_when() -> None:
    assert summary(alert(**OVER), COLD_ROOM) == (
        "Cold room 3: temperature was 9.4 °C, usual is -18.12 °C; from 26 Nov 15:34 UTC to 26 Nov 16:05 UTC"
    )


def test_without_values_or_device_the_alerts_own_words_are_told() -> None:
    plain = alert(message="nothing comes", expected=None, observed=None, window_start=None)
    assert summary(plain, None) == "nothing comes; since 26 Nov 15:40 UTC"
    platform = alert(source="api/cpu", device_id=None, metric=None, unit=None)
    assert summary(platform, None).startswith("api/cpu is 9.4, usual is -18.12;")
    assert summary(alert(), None).startswith("device-7: temperature is")


def test_labels_hold_what_routes_look_at_and_no_value_that_changes() -> None:
    assert labels(alert()) == {
        "alertname": "Unusual value",
        "severity": "warning",
        "source": "device-7/temperature",
        "rule": "rarity",
        "device": "device-7",
        "metric": "temperature",
        "kind": "freezer",
        "labels": ",hall 3,north,",
        "reminder": "",
    }
    assert labels(alert(observed=12.0, **OVER)) == labels(alert())


def test_the_link_shows_that_moment_of_that_sensor() -> None:
    notification = as_alertmanager_takes_it(Notice(alert(), COLD_ROOM), NOW, HOLD, "https://sensors.example.com/")
    link = urlsplit(notification.annotations["dashboard_url"])
    assert (link.scheme, link.netloc, link.path) == ("https", "sensors.example.com", "/devices/device-7")
    query = {name: values[0] for name, values in parse_qs(link.query).items()}
    assert query == {
        "alert": str(alert().alert_id),
        "metric": "temperature",
        "from": "2026-11-26T14:34:00Z",
        "to": "2026-11-26T16:00:00Z",
    }


def test_an_alert_of_the_platform_leads_to_the_list_of_alerts() -> None:
    notification = as_alertmanager_takes_it(
        Notice(alert(device_id=None, metric=None)), NOW, HOLD, "http://localhost:8080"
    )
    assert notification.annotations["dashboard_url"] == f"http://localhost:8080/alerts?alert={alert().alert_id}"


def test_a_rule_that_people_wrote_is_called_by_its_name() -> None:
    by_rule = alert(
        rule="too-warm", expected=None, message="Cold room 3: Freezer too warm. temperature is 9.4, above -15"
    )
    assert labels(by_rule, "Freezer too warm")["alertname"] == "Freezer too warm"
    assert labels(by_rule, None)["alertname"] == "too-warm"
    assert summary(by_rule, COLD_ROOM).startswith("Cold room 3: Freezer too warm. temperature is 9.4, above -15; since")


def test_an_alert_is_open_until_it_is_over_and_at_least_until_everybody_heard_of_it() -> None:
    def ends(changes: dict[str, Any], first_sent_at: timedelta | None) -> timedelta:
        sent = None if first_sent_at is None else NOW + first_sent_at
        notice = Notice(alert(**changes), first_sent_at=sent)
        return as_alertmanager_takes_it(notice, NOW, HOLD, "http://localhost").ends_at - NOW

    assert ends({}, None) == LIFETIME
    assert ends({"state": AlertState.ACKNOWLEDGED}, -timedelta(hours=3)) == LIFETIME
    past = OVER | {"resolved_at": NOW - timedelta(minutes=10)}
    assert ends(past, -timedelta(hours=3)) == -timedelta(minutes=10)
    assert ends(past, None) == LIFETIME
    assert ends(past, -timedelta(minutes=1)) == LIFETIME
    assert ends(past, -HOLD) == timedelta(0)
    assert Notice(alert(**past), first_sent_at=NOW - timedelta(minutes=1)).over_at(NOW, HOLD) == NOW + timedelta(
        minutes=1
    )


def test_the_beginning_of_what_came_late_is_its_own_time() -> None:
    late = alert(window_start=NOW - timedelta(hours=6), opened_at=NOW, severity=Severity.CRITICAL)
    notification = as_alertmanager_takes_it(Notice(late, COLD_ROOM), NOW, HOLD, "http://localhost")
    assert notification.starts_at == NOW - timedelta(hours=6)
    assert notification.annotations["summary"].endswith("since 26 Nov 10:00 UTC")


@pytest.mark.parametrize(
    ("value", "written"),
    [(9.4, "9.4"), (-18.1234, "-18.12"), (98_765_432.0, "98 765 432"), (0.00012345, "0.0001234"), (3.4e38, "3.4e+38")],
)
def test_numbers_are_written_as_people_write_them(value: float, written: str) -> None:
    assert number(value) == written
