"""Services stand side by side, whatever they are called: what pyproject.toml's contracts cannot say without a list."""

from graphlib import TopologicalSorter

import grimp
import pytest

SHARED = {"device", "domain", "platform", "resources", "storage"}
"""What every service may import."""
ABOVE = {"catalog", "migration", "observability"}
"""What may import services."""


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("apps", "components", "policy", cache_dir=None)


def test_a_service_imports_what_all_share_and_nothing_of_another(graph: grimp.ImportGraph) -> None:
    parts = {module.removeprefix("apps.") for module in graph.find_children("apps")}
    services = parts - SHARED - ABOVE
    assert {"api", "gateway"} <= services
    for service in services:
        imported = {
            importee.split(".")[1]
            for module in {f"apps.{service}", *graph.find_descendants(f"apps.{service}")}
            for importee in graph.find_modules_directly_imported_by(module)
            if importee.startswith("apps.")
        }
        assert imported <= SHARED | {service}, service
    for shared in SHARED:
        for module in {f"apps.{shared}", *graph.find_descendants(f"apps.{shared}")}:
            for importee in graph.find_modules_directly_imported_by(module):
                assert importee.split(".")[:1] != ["apps"] or importee.split(".")[1] in SHARED, f"{module}: {importee}"


def test_components_know_the_vocabulary_of_declarations_and_no_product(graph: grimp.ImportGraph) -> None:
    for module in graph.modules:
        if module.startswith(("components", "policy")):
            for importee in graph.find_modules_directly_imported_by(module):
                assert not importee.startswith("apps.") or importee.startswith("apps.platform"), f"{module}: {importee}"


def test_no_module_is_imported_by_what_it_imports() -> None:
    graph = grimp.build_graph(
        "apps", "bench", "components", "delivery", "devtools", "local", "policy", "stacks", cache_dir=None
    )
    # Raises CycleError, which names the circle.
    TopologicalSorter({module: graph.find_modules_directly_imported_by(module) for module in graph.modules}).prepare()
