"""`nox -s docs`: writes every generated page of docs/."""

from collections.abc import Callable, Mapping
from pathlib import Path

from delivery.docs import metrics, openapi, policy, services
from devtools.paths import ROOT

PAGES: Mapping[Path, Callable[[], str]] = {
    ROOT / "docs" / "metrics.md": metrics.document,
    ROOT / "docs" / "openapi.json": openapi.document,
    ROOT / "docs" / "policy.md": policy.document,
    ROOT / "docs" / "services.md": services.document,
}


def main() -> None:
    """Write every page."""
    for path, document in PAGES.items():
        path.write_text(document())


if __name__ == "__main__":
    main()
