"""What a deployment says of a version that was taken back; tests/engine/test_delivery.py lets it happen."""

from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest

from apps.platform.indicator import Indicator
from components.errors import NotDeliveredError
from components.workload.delivered import rolled_out, why
from delivery.recording import KUBECONFIG

SLOW = Indicator("api-latency", "API latency, 99.0%", lambda *_: NotImplemented, Fraction(144, 1000))
ROLLOUT = {"metadata": {"name": "api"}, "status": {"stableRS": "7f6c", "message": "RolloutAborted: revision 2"}}


def run(phase: str, created_at: str, *results: dict[str, Any]) -> dict[str, Any]:
    return {
        "metadata": {"name": f"api-{created_at}", "creationTimestamp": created_at},
        "status": {"phase": phase, "metricResults": list(results)},
    }


def failed(name: str, value: str, **measured: Any) -> dict[str, Any]:
    return {"name": name, "phase": "Failed", "measurements": [{"value": "[0.1]"}, {"value": value, **measured}]}


def test_the_objective_is_named_with_what_was_measured_and_what_may_be() -> None:
    passed = {"name": "watched", "phase": "Successful", "measurements": [{"value": "[1]"}]}
    message = why("api", "sensors", ROLLOUT, [run("Failed", "2", passed, failed("api-latency", "[0.3123456]"))], [SLOW])
    assert "api: the new version was taken back, api-7f6c still serves" in message
    assert "objective api-latency failed (API latency, 99.0%): its pods had 0.3123, at most 0.144" in message
    assert "watched" not in message
    assert "kubectl -n sensors get analysisrun api-2 -o yaml" in message


def test_the_last_of_several_tries_counts() -> None:
    runs = [run("Failed", "2", failed("api-latency", "[0.5]")), run("Failed", "1", failed("api-latency", "[0.9]"))]
    assert "its pods had 0.5," in why("api", "sensors", ROLLOUT, runs, [SLOW])


def test_a_smoke_test_that_failed_leads_to_its_log() -> None:
    tried = run("Failed", "1", failed("smoke-test", "", metadata={"job-name": "abc.smoke-test.1"}))
    message = why("api", "sensors", ROLLOUT, [tried], [SLOW])
    assert "smoke-test failed: kubectl -n sensors logs job/abc.smoke-test.1" in message


def test_what_could_not_be_measured_is_no_broken_promise() -> None:
    error = {"name": "api-latency", "phase": "Error", "measurements": [{"message": "no route to host"}]}
    message = why("api", "sensors", ROLLOUT, [run("Error", "1", error)], [SLOW])
    assert "api-latency could not be measured: no route to host" in message
    assert "objective" not in message


def test_pods_that_never_became_ready_are_told_in_the_words_of_the_controller() -> None:
    message = why("api", "sensors", ROLLOUT, [run("Successful", "1")], [SLOW])
    assert "RolloutAborted: revision 2" in message
    assert "kubectl -n sensors describe rollout api" in message


async def test_who_deploys_without_kubectl_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(NotDeliveredError, match="api: kubectl is not on PATH"):
        await rolled_out(KUBECONFIG, "sensors", "api", [SLOW], timedelta(minutes=1))
