"""The page of services says what the declarations say."""

from delivery.docs.services import document
from stacks.config import ROOT


def test_the_page_of_services_is_current() -> None:
    written = (ROOT / "docs/services.md").read_text()
    assert written == document(), "stale: nox -s docs"
