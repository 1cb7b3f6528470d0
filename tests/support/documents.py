"""What our documents tell a reader to type."""

import re
from pathlib import Path
from textwrap import dedent

DOCS = Path(__file__).parents[2] / "docs"


def commands(document: str, name: str) -> str:
    """Return the commands of a document under `<!-- name -->`."""
    found = re.search(rf"<!-- {name} -->\n *```sh\n(.*?)```", (DOCS / document).read_text(), re.DOTALL)
    assert found, f"docs/{document} has no commands <!-- {name} -->"
    return dedent(found[1]).strip() + "\n"
