"""The OpenAPI document, from which the dashboard's types are generated, is what the API serves."""

from delivery.docs.openapi import document
from stacks.config import ROOT


def test_the_openapi_document_is_current() -> None:
    written = (ROOT / "docs/openapi.json").read_text()
    assert written == document(), "stale: nox -s docs"
