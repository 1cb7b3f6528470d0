"""What no file of ours may do, whoever writes it."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAX_LINES = 400
WRITTEN_BY_HAND = {".css", ".md", ".py", ".sh", ".ts", ".tsx", ".yaml", ".yml"}
GENERATED = {"dashboard/src/api/schema.ts", "docs/metrics.md", "docs/policy.md", "docs/services.md"}
NOT_OURS = {"node_modules", "dist", "__pycache__"}

DIALECT = {
    r"_?(MOST|LONGEST)_\w+": "MAX_",
    r"_?(LEAST|SHORTEST)_\w+": "MIN_",
    "chance": "rng",
    "Verdict|Judgement|Finding|Alarm": "Score, Detection, Anomaly or Alert",
    "(Un)?Like": "Matches, NotMatches",
    "copies": "replicas",
}
"""Names that stood for one of the field's, and that one."""

NAMES_NOTHING = (
    "_?(each|made|said|told|asked|kept|heard|looks?|met|around|besides?|one|ways?|way_in|whole|places?|trouble)"
)
"""What a variable, a parameter or a field was called, where a noun says what it is."""


def files(*suffixes: str) -> Iterator[Path]:
    """Yield the files of ours that people write."""
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        hidden = any(part.startswith(".") and part != ".github" for part in parts)
        if path.suffix in suffixes and not hidden and NOT_OURS.isdisjoint(parts) and path.is_file():
            yield path


def names(path: Path) -> Iterator[str]:
    """Yield every name in a Python module; text and comments are English."""
    for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline):
        if token.type == tokenize.NAME:
            yield token.string


def variables(path: Path) -> Iterator[str]:
    """Yield the name of every variable, parameter and field that a Python module makes."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


def test_no_file_is_too_long_to_be_read_at_a_sitting() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in files(*WRITTEN_BY_HAND)}
    assert {path: n for path, n in lengths.items() if n > MAX_LINES and path not in GENERATED} == {}


@pytest.mark.parametrize(("old", "standard"), DIALECT.items())
def test_names_are_the_fields_own(old: str, standard: str) -> None:
    found = {f"{path.relative_to(ROOT)}: {n}" for path in files(".py") for n in names(path) if re.fullmatch(old, n)}
    assert found == set(), f"the field says {standard}"


def test_the_errors_of_a_package_stand_in_its_errors_module() -> None:
    elsewhere = [
        f"{path.relative_to(ROOT)}: {statement.name}"
        for path in files(".py")
        if path.name != "errors.py" and path.relative_to(ROOT).parts[0] not in {"bench", "tests"}
        for statement in ast.walk(ast.parse(path.read_text()))
        if isinstance(statement, ast.ClassDef) and any(_is_error(base) for base in statement.bases)
    ]
    assert elsewhere == []


def _is_error(base: ast.expr) -> bool:
    return ast.unparse(base).endswith(("Error", "Exception"))


def test_a_variable_says_what_it_is() -> None:
    found = {f"{path.relative_to(ROOT)}: {n}" for path in files(".py") for n in variables(path)}
    assert {name for name in found if re.fullmatch(NAMES_NOTHING, name.rpartition(" ")[2])} == set(), "a noun says it"


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "adr").glob("*.md")), ids=lambda path: path.stem)
def test_a_decision_says_its_status_and_date_and_stands_in_the_index(path: Path) -> None:
    title, _, status = path.read_text().splitlines()[:3]
    assert re.fullmatch(r"\*\*Status\*\*: \w.*\. \*\*Date\*\*: \d{4}-\d\d-\d\d", status), status
    index = (ROOT / "docs" / "architecture.md").read_text()
    assert f"- [{title.removeprefix('# ')}](adr/{path.name})" in index
