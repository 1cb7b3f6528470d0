"""Forecasts: all of them is one key of the environment's file."""

from delivery.recording import Graph, build
from stacks import environment
from stacks.config import load_environment
from tests.stacks.stacks_under_test import environment_config, environment_graph


def jobs(graph: Graph) -> set[str]:
    return {job.name for job in graph.of("CronJob")}


def test_without_its_key_nothing_forecasts() -> None:
    config = environment_config("dev").model_copy(update={"forecasts": None})
    graph = build(lambda: environment.deploy(config, "dev"), stack="dev")
    assert "forecast" not in jobs(graph)
    assert "longterm" in jobs(graph)
    assert load_environment("dev").forecasts is None


def test_with_its_key_a_job_does_every_six_hours() -> None:
    assert load_environment("prod").forecasts is not None
    spec = environment_graph("prod").one("CronJob", "forecast").inputs["spec"]
    assert (spec["schedule"], spec["concurrencyPolicy"]) == ("10 */6 * * *", "Forbid")
