"""A browser for the tests: the machine's Chromium, Playwright's, or Debian's, unpacked. Standard library only."""

from pathlib import Path

from devtools import apt
from devtools.errors import UnavailableError
from devtools.paths import TOOLS
from devtools.tools import launcher, which

COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PLAYWRIGHT = Path.home() / ".cache" / "ms-playwright"
UNPACKED = TOOLS / "chromium"


def find() -> Path | None:
    """Return the browser to use, or None."""
    own = sorted(PLAYWRIGHT.glob("chromium-*/chrome-linux*/chrome"))
    return which(*COMMANDS) or (own[-1] if own else None)


def ensure() -> Path:
    """Return the browser to use, fetched if need be. Raises UnavailableError."""
    return find() or fetch()


def fetch() -> Path:
    """Unpack Debian's Chromium with the libraries that the machine lacks. Raises UnavailableError."""
    apt.unpack(("chromium", "chromium-common", "fonts-dejavu-core"), UNPACKED, dependencies=True)
    program = UNPACKED / "usr" / "lib" / "chromium" / "chromium"
    found = UNPACKED.glob("usr/lib/**/*.so*")
    libraries = sorted({str(path.parent) for path in found if not path.is_relative_to(program.parent)})
    if not program.exists():
        raise UnavailableError(f"Debian's package chromium does not hold {program.relative_to(UNPACKED)}")
    return launcher("chromium", f'LD_LIBRARY_PATH="{":".join(libraries)}" exec "{program}" "$@"')
