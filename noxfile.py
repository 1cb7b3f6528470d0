"""Everything that one does with this repository: `nox -s local` runs the platform, `nox` checks it.

Each session has an environment of its own, installed from the hashed locks in requirements/ and used again the next
time. Arguments after `--` go to the program that the session runs.
"""

import filecmp
import logging
import os
import shutil
import sys
import tomllib
from pathlib import Path

import nox

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT))

# Standard library only: nox's own environment has nothing else.
from devtools import browser, node, tools  # noqa: E402
from devtools.errors import UnavailableError  # noqa: E402

nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "uv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "types", "layers", "dashboard", "tests", "browser"]

# Packages come through whatever this machine trusts, a company's proxy for instance.
os.environ.setdefault("UV_SYSTEM_CERTS", "true")
# Last, where uv is that came with nox: tests make environments of their own with it.
os.environ["PATH"] = os.pathsep.join([tools.search_path(), str(Path(sys.executable).parent)])
if shutil.which("uv") is None:
    sys.exit("uv is missing beside this nox: take both with pip install -r requirements/nox.txt, as README.md says")

LOCKS = Path("requirements")


@nox.session
def local(session: nox.Session) -> None:
    """Run the whole platform on this machine; `-- --help` lists the options."""
    install(session, "local")
    ensure_node(session)
    # The platform ends its children one after the other: nox gives it the time.
    session.run("python", "-m", "local", *session.posargs, interrupt_timeout=60, terminate_timeout=30)
    # The last line of its output, what was sent and stored, stays the last one.
    logging.getLogger().setLevel(logging.WARNING)


@nox.session
def longterm(session: nox.Session) -> None:
    """Make Spark's reports of the local stack's archive; `-- --archive PLACE` takes another."""
    install(session, "spark")
    folder = ROOT / ".cache" / "local"
    of_local = [
        f"--archive={folder / 'ministack' / 's3' / '000000000000' / 'archive'}",
        f"--results={folder / 'longterm'}",
    ]
    command = ["python", "-m", "apps.longterm.spark", "--master=local[*]", *(session.posargs or of_local)]
    session.run("python", "-m", "devtools.java", *command)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and format, workflows too; `-- --fix` corrects what it can."""
    install(session, "lint")
    fix = "--fix" in session.posargs
    session.run("ruff", "format", *([] if fix else ["--check"]), ".")
    session.run("ruff", "check", *(["--fix"] if fix else []), ".")
    session.run("hadolint", "Dockerfile")
    session.run("zizmor", "--quiet", "--offline", "--persona=auditor", ".github")
    if shutil.which("actionlint"):
        session.run("actionlint", external=True)
    else:
        session.warn("actionlint is not on PATH: the workflows were not checked with it")


@nox.session
def types(session: nox.Session) -> None:
    """Check types, strictly."""
    install(session, "local", "infra", "test", "lint")
    session.run("mypy", *session.posargs)


@nox.session
def layers(session: nox.Session) -> None:
    """Check who imports whom: contracts, and what no contract can say without a list of services."""
    install(session, "local", "infra", "test", "lint")
    session.run("lint-imports")
    session.run("python", "-m", "pytest", "--quiet", "tests/test_layers.py")


@nox.session
def dashboard(session: nox.Session) -> None:
    """Type-check, lint, test and build the dashboard."""
    ensure_node(session)
    for arguments in (["ci"], ["run", "lint"], ["test"], ["run", "build"]):
        session.run("python", "-m", "devtools.node", "npm", *arguments)


@nox.session
def tests(session: nox.Session) -> None:
    """Run every quick test; `-- tests/apps/ingestor -k lease` chooses."""
    # Many wait for a process or a deadline: others run meanwhile. A few are quicker without.
    options = () if session.posargs else ("--numprocesses=logical", "--dist=worksteal")
    pytest(session, "not slow and not browser and not engine", options)


@nox.session
def slow(session: nox.Session) -> None:
    """Run the tests that take minutes: crash after crash, reshards, outages; 10,000 inputs for each parser."""
    # What takes 25 s on a machine of its own may take ten times as long on a shared one: only what hangs is ended.
    options = ("--timeout=1800",)
    pytest(session, "(slow or generated) and not browser and not engine", options, HYPOTHESIS_PROFILE="thorough")


@nox.session
def engine(session: nox.Session) -> None:
    """Run the stacks on the real Pulumi engine, with what is on PATH; `-- -m engine` takes the longest too."""
    install(session, "local", "infra", "test", "lint", "mesh")
    # A stack mostly waits, for AWS above all: the others live while the slowest does.
    pytest(session, "engine and not slow", options=("--numprocesses=2", "--dist=worksteal"))


@nox.session
def cost(session: nox.Session) -> None:
    """Print what dev and prod cost a week, and fail when one is over its cap; `-- --lines` shows every resource."""
    install(session, "infra")
    session.run("python", "-m", "delivery.cost", *session.posargs)


@nox.session
def charts(session: nox.Session) -> None:
    """Render and check every chart that a stack installs; `-- --mirror FOLDER` names a folder of them."""
    install(session, "infra")
    session.run("python", "-m", "delivery.charts", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Write what is made from the code: the generated pages of docs/, and the dashboard's types of the API."""
    install(session, "local", "infra")
    ensure_node(session)
    session.run("python", "-m", "delivery.docs")
    for arguments in (["ci"], ["run", "generate"]):
        session.run("python", "-m", "devtools.node", "npm", *arguments)


@nox.session
def scan(session: nox.Session) -> None:
    """Scan configuration and what is written down, and say which exceptions have expired; needs trivy."""
    install(session, "infra")
    session.run("python", "-m", "delivery.scan", *session.posargs, success_codes=[0, 3])


@nox.session
def repository(session: nox.Session) -> None:
    """Compare the repository's settings on GitHub with what is declared; `-- apply` changes them."""
    install(session, "infra")
    session.run("python", "-m", "delivery.repository", *(session.posargs or ["plan"]))


@nox.session
def images(session: nox.Session) -> None:
    """Build every image with docker; `-- --help` says how they are scanned, pushed and promoted."""
    install(session, "infra")
    session.run("python", "-m", "delivery.images", *(session.posargs or ["build"]))


@nox.session(name="browser")
def browser_tests(session: nox.Session) -> None:
    """Test the dashboard in a real browser."""
    try:
        program = browser.ensure()
    except UnavailableError as reason:
        session.skip(f"no browser on this machine: {reason}")
    pytest(session, "browser", BROWSER=str(program))


@nox.session
def lock(session: nox.Session) -> None:
    """Compile requirements/; `-- --check` only says whether they are current, `-- --upgrade` takes the newest."""
    upgrade = ["--upgrade"] if "--upgrade" in session.posargs else []
    if "--check" not in session.posargs:
        compile_locks(session, *upgrade)
        return
    copy = Path(session.create_tmp())
    shutil.copy("pyproject.toml", copy)
    shutil.copytree(LOCKS, copy / LOCKS, dirs_exist_ok=True)
    with session.chdir(copy):
        compile_locks(session, *upgrade)
    names = {path.name for path in (*LOCKS.glob("*.txt"), *(copy / LOCKS).glob("*.txt"))}
    _, different, missing = filecmp.cmpfiles(LOCKS, copy / LOCKS, names, shallow=False)
    if different or missing:
        session.error(f"not current: {', '.join(sorted(different + missing))}: run nox -s lock, commit what it writes")


def install(session: nox.Session, *locks: str) -> None:
    """Install exactly what the locks name, nothing when it is there already."""
    session.install("--require-hashes", *(f"--requirements={LOCKS / name}.txt" for name in locks))


def pytest(session: nox.Session, marker: str, options: tuple[str, ...] = (), **environment: str) -> None:
    """Run the tests that `marker` selects, among those that the caller chose."""
    install(session, "local", "infra", "test", "lint")
    ensure_node(session)
    ensure_tools(session)
    session.run("python", "-m", "pytest", "--durations=10", *options, "-m", marker, *session.posargs, env=environment)


def ensure_node(session: nox.Session) -> None:
    """Install Node beside Python where the machine has none that is new enough."""
    if node.find() is None:
        session.log("this machine has no Node that is new enough: taking the one that Python's package index has")
        install(session, "node")
        session.run("python", "-m", "devtools.node", "link")


def ensure_tools(session: nox.Session) -> None:
    """Fetch what tests check rules, routes and dashboards with, or say that this machine cannot have it."""
    try:
        tools.ensure((*tools.MONITORING, *tools.CHECKING))
    except UnavailableError as reason:
        session.warn(f"tests that need Prometheus's programs are skipped: {reason}")


def compile_locks(session: nox.Session, *options: str) -> None:
    """Compile a lock of everything, one for each extra that agrees with it, one for each group, which stands alone."""
    declared = tomllib.loads(Path("pyproject.toml").read_text())
    extras, groups = list(declared["project"]["optional-dependencies"]), list(declared["dependency-groups"])
    everything = LOCKS / "all.txt"
    compile_lock(session, everything, "pyproject.toml", "--all-extras", *options)
    agreed = ("--constraints", str(everything), "--upgrade")
    for extra in extras:
        compile_lock(session, LOCKS / f"{extra}.txt", "pyproject.toml", "--extra", extra, *agreed)
    for group in groups:
        compile_lock(session, LOCKS / f"{group}.txt", "--group", group, *options)
    for stale in {path.stem for path in LOCKS.glob("*.txt")} - {"all", *extras, *groups}:
        (LOCKS / f"{stale}.txt").unlink()


def compile_lock(session: nox.Session, path: Path, *arguments: str) -> None:
    """Compile one lock for every system and Python that the project supports."""
    session.run(
        *("uv", "pip", "compile", "--quiet", "--universal", "--python-version=3.11"),
        *("--generate-hashes", "--no-emit-index-url", "--custom-compile-command=nox -s lock"),
        *("--output-file", str(path), *arguments),
        silent=True,
    )
