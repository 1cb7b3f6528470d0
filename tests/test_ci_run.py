"""`.ci/run` in any clone: with tools beside it, with tools on PATH, and with neither."""

import shutil
import subprocess
from pathlib import Path

import pytest

from devtools.paths import ROOT

NOX = """#!/bin/sh
echo "nox $* with $(command -v pulumi)"
echo "=== 2 failed, 3 passed, 1 skipped in 2.50s ==="
exit {code}
"""
LEFT_OUT = "pulumi is not on PATH: the stacks were not run on the real engine (docs/deploy.md, Rehearsal)"


class Clone:
    """A clone on a machine that has what the test puts on PATH and nothing else."""

    def __init__(self, folder: Path) -> None:
        self.root, self.programs = folder / "clone", folder / "bin"
        (self.root / ".ci").mkdir(parents=True)
        shutil.copy(ROOT / ".ci" / "run", self.root / ".ci")
        shutil.copy(ROOT / "Pulumi.bootstrap.yaml", self.root)
        self.programs.mkdir()
        for name in ("awk", "bash", "dirname", "grep", "mktemp", "rm", "sed", "sh", "tee"):
            (self.programs / name).symlink_to(str(shutil.which(name)))
        write(self.programs / "id", "#!/bin/sh\necho 1000\n")
        write(self.programs / "python3", "#!/bin/sh\n")
        write(self.root / ".cache/nox/bin/pip", "#!/bin/sh\n")
        self.has_nox(0)

    def has_nox(self, code: int) -> None:
        write(self.root / ".cache/nox/bin/nox", NOX.format(code=code))

    def run(self, **environment: str) -> tuple[int, list[str]]:
        done = subprocess.run(
            [self.root / ".ci" / "run"],
            env={"PATH": str(self.programs), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return done.returncode, done.stdout.splitlines()


def write(program: Path, text: str) -> None:
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(text)
    program.chmod(0o755)


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path)


def test_without_an_engine_it_says_so_and_counts_the_rest(clone: Clone) -> None:
    code, lines = clone.run()
    assert code == 0
    assert lines[-2:] == [LEFT_OUT, "3 passed, 2 failed, 1 skipped"]


def test_an_engine_on_path_is_used(clone: Clone) -> None:
    write(clone.programs / "pulumi", "#!/bin/sh\n")
    code, lines = clone.run()
    assert code == 0
    assert f"nox -s engine with {clone.programs / 'pulumi'}" in lines
    assert lines[-1] == "6 passed, 4 failed, 2 skipped"


def test_what_a_build_program_makes_is_on_path_for_every_session(clone: Clone, tmp_path: Path) -> None:
    built = tmp_path / "built"
    write(built / "pulumi", "#!/bin/sh\n")
    write(clone.programs / "go", "#!/bin/sh\n")
    write(tmp_path / "build", f"#!/bin/sh\necho {built}\n")
    _, lines = clone.run(ENGINE_BUILD=str(tmp_path / "build"))
    assert f"nox  with {built / 'pulumi'}" in lines
    assert f"nox -s engine with {built / 'pulumi'}" in lines


def test_a_build_that_fails_leaves_the_rest_to_run(clone: Clone, tmp_path: Path) -> None:
    write(clone.programs / "go", "#!/bin/sh\n")
    write(tmp_path / "build", "#!/bin/sh\nexit 1\n")
    code, lines = clone.run(ENGINE_BUILD=str(tmp_path / "build"))
    assert code == 0
    assert lines[-2:] == [LEFT_OUT, "3 passed, 2 failed, 1 skipped"]


def test_a_session_that_fails_is_the_exit_code(clone: Clone) -> None:
    clone.has_nox(3)
    code, lines = clone.run()
    assert code == 3
    assert lines[-1] == "3 passed, 2 failed, 1 skipped"
