"""A browser for the tests: the machine's Chromium, Playwright's, or Debian's, unpacked. Standard library only."""

import shutil
from pathlib import Path

from stacks.local import apt
from stacks.local.places import TOOLS

COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PLAYWRIGHT = Path.home() / ".cache" / "ms-playwright"
UNPACKED = TOOLS / "chromium"
LAUNCHER = UNPACKED / "launch"


def find() -> Path | None:
    """Return the browser to use, or None."""
    if found := next(filter(None, map(shutil.which, COMMANDS)), None):
        return Path(found)
    if own := sorted(PLAYWRIGHT.glob("chromium-*/chrome-linux*/chrome")):
        return own[-1]
    return LAUNCHER if LAUNCHER.exists() else None


def bring() -> Path:
    """Return the browser to use, fetched if need be. Raises apt.UnavailableError."""
    return find() or fetch()


def fetch() -> Path:
    """Unpack Debian's Chromium with the libraries that the machine lacks. Raises apt.UnavailableError."""
    apt.unpack(("chromium", "fonts-dejavu-core"), UNPACKED, dependencies=True)
    libraries = sorted({str(path.parent) for path in UNPACKED.glob("usr/lib/**/*.so*") if "chromium" not in path.parts})
    program = UNPACKED / "usr" / "lib" / "chromium" / "chromium"
    LAUNCHER.write_text(f'#!/bin/sh\nLD_LIBRARY_PATH="{":".join(libraries)}" exec "{program}" "$@"\n')
    LAUNCHER.chmod(0o755)
    return LAUNCHER
