"""What holds for every component."""

import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest

import components
from components.component import Component
from delivery.recording import build
from stacks.config import PROJECT, ROOT
from tests.components import parts

MODULES = [importlib.import_module(found.name) for found in pkgutil.walk_packages(components.__path__, "components.")]
COMPONENTS = sorted(
    {
        value
        for module in MODULES
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, Component) and value is not Component
    },
    key=lambda component: component.__qualname__,
)


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda component: component.__name__)
def test_a_component_lists_what_it_makes(component: type[Component]) -> None:
    assert component.__doc__
    _, makes, listed = component.__doc__.partition("Makes")
    assert makes, "its docstring says what it makes"
    assert "\n    - " in listed, "as a list"


def test_a_components_type_follows_from_where_it_stands() -> None:
    graph = build(parts.network)
    assert graph.one("components:network:Network").name == "network"
    assert build(parts.cluster).one("components:cluster:Cluster").name == "cluster"


def test_no_two_components_share_a_type() -> None:
    types = [(component.__module__.split(".")[1], component.__name__) for component in COMPONENTS]
    assert len(set(types)) == len(types)


@pytest.mark.parametrize("path", sorted((ROOT / "components").rglob("*.py")), ids=lambda path: path.name)
def test_no_component_names_the_product(path: Path) -> None:
    text = path.read_text().lower()
    assert [word for word in (PROJECT, PROJECT.replace("-", " "), "sensor") if word in text] == []
