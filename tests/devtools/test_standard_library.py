"""devtools brings tools to a machine on which nothing is installed yet."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools.paths import ROOT

MODULES = sorted((ROOT / "devtools").rglob("*.py"))


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_it_imports_the_standard_library_and_itself_only(module: Path) -> None:
    assert set(imported(module)) <= {*sys.stdlib_module_names, "devtools"}


def imported(module: Path) -> Iterator[str]:
    """Yield the packages that a module imports, in its functions too."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "devtools" if node.level else str(node.module).partition(".")[0]
