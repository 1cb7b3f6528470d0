"""Who is told of what: the typed routing, and what the real Alertmanager makes of it."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from apps.observability.notifications import alertmanager
from apps.observability.routing import Notifications

EVERYTHING: dict[str, Any] = {
    "receivers": {
        "slack": {"type": "slack"},
        "on-call": {"type": "pagerduty"},
        "facility": {
            "type": "email",
            "to": ["facility@example.com", "night@example.com"],
            "sender": "alerts@example.com",
            "server": "email-smtp.eu-west-1.amazonaws.com:587",
            "user": "AKIAIOSFODNN7EXAMPLE",
        },
        "erp": {"type": "webhook", "url": "https://erp.example.com/alerts"},
    },
    "routes": [
        {"kinds": ["freezer"], "labels": ["hall 3", "v1.2"], "receivers": ["erp"], "also": True},
        {"severities": ["critical"], "receivers": ["on-call", "slack"], "repeat_hours": 1},
        {"kinds": ["office"], "receivers": ["facility"], "quiet_hours": ["nights", "weekend"]},
        {"severities": ["info"], "kinds": ["meter"], "receivers": ["facility"], "digest_hours": 24},
    ],
    "quiet_hours": {
        "nights": {"start": "22:00", "end": "06:00", "time_zone": "Europe/Berlin"},
        "weekend": {"start": "00:00", "end": "23:59", "days": ["saturday", "sunday"]},
    },
}
TEAMS = EVERYTHING | {"receivers": {**EVERYTHING["receivers"], "plant": {"type": "teams"}}}


def amtool_version() -> tuple[int, ...]:
    if shutil.which("amtool") is None:
        return (0,)
    done = subprocess.run(["amtool", "--version"], capture_output=True, text=True, check=True)
    found = re.search(r"version (\d+)\.(\d+)", done.stdout + done.stderr)
    return tuple(map(int, found.groups())) if found else (1,)  # built from a newer source, without a version


needs_amtool = pytest.mark.skipif(amtool_version() < (0, 25), reason="no amtool 0.25 or newer on PATH")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("slack", "on-call", "facility", "plant"):
        (tmp_path / name).write_text("https://example.com/secret")
    return tmp_path


def written(folder: Path, notifications: dict[str, Any]) -> Path:
    file = folder / "alertmanager.yml"
    config = alertmanager(Notifications.model_validate(notifications), str(folder), "http://notifier.sensors.svc:8000")
    file.write_text(yaml.safe_dump(config))
    return file


def amtool(*arguments: str | Path) -> str:
    done = subprocess.run(["amtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs_amtool
@pytest.mark.parametrize(
    "notifications",
    [
        {},
        EVERYTHING,
        pytest.param(
            TEAMS,
            marks=pytest.mark.skipif(amtool_version() < (0, 28), reason="amtool 0.28 is the first that knows Teams"),
        ),
    ],
    ids=["default", "everything", "teams"],
)
def test_alertmanager_takes_it(notifications: dict[str, Any], folder: Path) -> None:
    amtool("check-config", written(folder, notifications))


@needs_amtool
@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        (["severity=critical", "alertname=ServiceDown"], "on-call,slack"),
        (["severity=warning", "alertname=DetectorSilent"], "slack"),
        (["severity=none", "alertname=Watchdog"], "nobody"),
        (["severity=info", "kind=meter"], "facility"),
        (["severity=info", "kind=freezer", 'labels=",hall 3,"'], "nobody"),
        (["severity=warning", "kind=freezer", 'labels=",hall 3,north,"'], "erp,slack"),
        (["severity=critical", "kind=freezer", 'labels=",north,v1.2,"'], "erp,on-call,slack"),
        (["severity=warning", "kind=freezer", 'labels=",hall 33,v1x2,"'], "slack"),
        (["severity=warning", "kind=office"], "facility"),
        (["severity=critical", "kind=office"], "on-call,slack"),
    ],
)
def test_an_alert_reaches_whom_the_first_route_names_and_others_where_it_says_so(
    labels: list[str], receivers: str, folder: Path
) -> None:
    file = written(folder, EVERYTHING)
    assert amtool("config", "routes", "test", f"--config.file={file}", *labels).strip() == receivers


def test_the_example_of_the_documentation_is_one(folder: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "notifications.md").read_text()
    (example,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    notifications = yaml.safe_load(example)["config"]["sensor-analytics:environment"]["notifications"]
    assert {receiver.type for receiver in Notifications.model_validate(notifications).receivers.values()} == {
        *("slack", "pagerduty", "teams", "email", "webhook")
    }


def test_quiet_hours_past_midnight_end_on_the_next_day() -> None:
    notifications = {"quiet_hours": {"nights": {"start": "22:00", "end": "06:00", "days": ["friday", "sunday"]}}}
    (nights,) = alertmanager(Notifications.model_validate(notifications), "", "")["time_intervals"]
    assert nights["time_intervals"] == [
        {
            "location": "UTC",
            "times": [{"start_time": "22:00", "end_time": "24:00"}],
            "weekdays": ["friday", "sunday"],
        },
        {
            "location": "UTC",
            "times": [{"start_time": "00:00", "end_time": "06:00"}],
            "weekdays": ["saturday", "monday"],
        },
    ]


def test_a_digest_comes_once_in_its_time() -> None:
    notifications = {"routes": [{"severities": ["warning"], "receivers": ["slack"], "digest_hours": 24}]}
    digest, rest = alertmanager(Notifications.model_validate(notifications), "", "")["route"]["routes"]
    assert (digest["group_wait"], digest["group_interval"]) == ("1d", "1d")
    assert "group_wait" not in rest


def test_no_secret_and_no_place_for_one_stands_in_the_configuration(folder: Path) -> None:
    config = alertmanager(Notifications.model_validate(TEAMS), "/secrets", "http://relay")
    files = re.findall(r"/secrets/([a-z-]+)", yaml.safe_dump(config))
    assert sorted(files) == ["facility", "on-call", "plant", "slack"]
    assert sorted(Notifications.model_validate(TEAMS).secret_names) == sorted(files)
    for name in ("url", "api_url", "webhook_url", "routing_key", "auth_password"):
        assert not re.search(rf"\b{name}: https://", yaml.safe_dump(config))


@pytest.mark.parametrize(
    ("notifications", "message"),
    [
        ({"routes": [{"receivers": ["crm"]}]}, "routes.0.receivers: there is no crm; there are slack"),
        ({"default": ["crm"]}, "default: there is no crm; there are slack"),
        ({"routes": [{"receivers": ["slack"], "quiet_hours": ["noon"]}]}, "routes.0.quiet_hours: there is no noon"),
        ({"quiet_hours": {"noon": {"start": "12:00", "end": "12:00"}}}, "quiet hours that end when they begin"),
        ({"quiet_hours": {"noon": {"start": "12:00", "end": "13:00", "time_zone": "Mars"}}}, "no such time zone"),
        ({"receivers": {"erp": {"type": "webhook", "url": "http://erp.example.com/"}}}, "String should match"),
        ({"receivers": {"pigeon": {"type": "pigeon"}}}, "does not match any of the expected tags"),
        ({"receivers": {"nobody": {"type": "slack"}}}, "call it something else"),
        ({"receivers": {}}, "at least 1 item"),
        ({"routes": [{"receivers": ["slack"], "digest_hours": 1}]}, "a critical alert does not wait"),
        ({"colour": "red"}, "Extra inputs are not permitted"),
    ],
)
def test_what_cannot_be_is_refused_in_words(notifications: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(message)):
        Notifications.model_validate(notifications)
