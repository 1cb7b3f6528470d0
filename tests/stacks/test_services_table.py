"""The page of services says what the declarations say."""

from stacks.config import ROOT
from stacks.services_table import document


def test_the_page_of_services_is_current():
    written = (ROOT / "docs/services.md").read_text()
    assert written == document(), "stale: python -m stacks.services_table > docs/services.md"
