"""The count of a run, as JSON and in one line."""

import json
from pathlib import Path

import pytest

from local.measure import Lag, Stored
from local.report import Report, SimulatorCounts, report

SENT = SimulatorCounts(sent=110, accepted=105, refused=5, distinct=100)


def report_of(sent: SimulatorCounts | None = SENT, stored: int = 100, doubled: int = 0, healthy: bool = True) -> Report:
    return report(sent, Stored(stored, doubled, Lag(1.0, 2.0, 2.5)), {"api": healthy}, {"api": "http://127.0.0.1:1"})


def test_everything_distinct_that_was_accepted_is_stored_once() -> None:
    good = report_of()
    assert (good.lost, good.doubled, good.good) == (0, 0, True)
    assert (
        good.line()
        == "sent 110, accepted 105 (5 of them repetitions), refused 5, stored 100, lost 0, duplicated 0, p99 lag 2.50 s"
    )


@pytest.mark.parametrize("bad", [{"stored": 99}, {"doubled": 1}, {"healthy": False}])
def test_a_run_that_lost_or_doubled_or_was_unhealthy_is_not_good(bad: dict[str, bool] | dict[str, int]) -> None:
    assert not report_of(**bad).good


def test_an_unhealthy_service_is_named() -> None:
    assert report_of(healthy=False).line().endswith("not healthy: api")


def test_without_a_simulator_it_is_unknown_what_was_lost() -> None:
    unknown = report_of(sent=None)
    assert (unknown.sent, unknown.lost, unknown.good) == (None, None, True)


def test_the_document_holds_every_figure(tmp_path: Path) -> None:
    report_of().write(tmp_path / "new" / "report.json")
    assert json.loads((tmp_path / "new" / "report.json").read_text()) == {
        "sent": 110,
        "accepted": 105,
        "refused": 5,
        "repeated": 5,
        "stored": 100,
        "lost": 0,
        "doubled": 0,
        "lag_seconds": {"p50": 1.0, "p95": 2.0, "p99": 2.5},
        "services": {"api": True},
        "urls": {"api": "http://127.0.0.1:1"},
    }
