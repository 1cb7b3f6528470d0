"""The page of metrics is the code's own."""

from pathlib import Path

from prometheus_client import REGISTRY

from apps.catalog import CATALOG
from apps.detector.metrics import RUN, SUCCESS
from apps.platform.promql import sample_names
from delivery.docs.metrics import document, exported, metrics_in

PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"


def test_the_page_is_fresh() -> None:
    stale = "stale: nox -s docs"
    assert PAGE.read_text() == document(), stale


def test_every_metric_is_named_after_who_exports_it_unless_the_seed_or_every_service_names_it() -> None:
    named = {"predictive_alert"}
    for service, module in exported(CATALOG).items():
        prefix = "http_" if service == "Every service" else _prefix(service)
        for metric in metrics_in(module):
            assert all(name in named or name.startswith(prefix) for name in sample_names(metric))


def test_what_the_services_register_is_on_the_page() -> None:
    prefixes = ("http_", *(_prefix(declared.name) for declared in CATALOG.declarations if declared.metrics))
    registries = (REGISTRY, RUN, SUCCESS)
    collected = {family.name for registry in registries for family in registry.collect()}
    registered = {name for name in collected if name.startswith(prefixes)}
    assert registered
    assert all(name in PAGE.read_text() for name in registered)


def _prefix(service: str) -> str:
    """Return how the metrics of a service begin; a service NAME-metrics measures NAME."""
    return f"{service.removesuffix('-metrics')}_"
