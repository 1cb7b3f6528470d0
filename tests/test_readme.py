"""What the README tells people to type is what is run elsewhere."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_ci_runs_the_command_that_the_readme_tells_people_to_test_with() -> None:
    (command,) = re.findall(r"^python3 -m venv .*/nox$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert f"({command})" in (ROOT / ".ci" / "run").read_text()


def test_every_file_that_the_readme_links_to_is_there() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", (ROOT / "README.md").read_text())
    assert [link for link in links if not (ROOT / link).exists()] == []
