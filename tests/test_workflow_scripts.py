"""The scripts of GitHub's workflows, run for real with stand-ins for what they call."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.workflows import FOLDER, Machine, script


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


# What is proposed


@pytest.fixture
def origin(tmp_path: Path, machine: Machine) -> Path:
    """A repository with the file of a stack, which the machine has a clone of."""
    if shutil.which("git") is None:
        pytest.skip("git is not on PATH")
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch", "main", "origin")
    machine.folder.rmdir()
    git(tmp_path, "clone", "--quiet", "origin", machine.folder.name)
    (machine.folder / "Pulumi.dev.yaml").write_text("images: old\n")
    (machine.folder / "requirements").mkdir()
    (machine.folder / "requirements" / "gone.txt").write_text("left-pad==1\n")
    git(machine.folder, "add", "--all")
    git(
        machine.folder, "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", "--message", "Begin"
    )
    git(machine.folder, "push", "--quiet", "origin", "HEAD:main")
    machine.has("gh", f'case "$*" in "pr create"*) test ! -e {tmp_path}/open;; esac')
    return tmp_path / "origin"


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


def propose(machine: Machine, folder: str = ".") -> list[str]:
    ended = machine.run(
        script("workflows/propose.yml", "propose", "propose"),
        GH_TOKEN="token",
        BRANCH="proposal/images-dev",
        FOLDER=folder,
        TITLE="Run what was merged in dev",
    )
    assert ended.returncode == 0, ended.stderr
    return [" ".join(line.split()[1:3]) for line in machine.called]


def test_a_proposal_is_a_branch_with_the_new_file_a_pull_request_and_its_check(origin: Path, machine: Machine) -> None:
    (machine.folder / "Pulumi.dev.yaml").write_text("images: new\n")
    assert propose(machine) == ["pr create", "workflow run"]
    assert git(origin, "show", "proposal/images-dev:Pulumi.dev.yaml") == "images: new\n"
    assert (
        git(origin, "log", "--format=%s %an", "proposal/images-dev", "-1")
        == "Run what was merged in dev github-actions[bot]\n"
    )


def test_a_proposal_that_is_open_gets_the_newer_file(origin: Path, machine: Machine) -> None:
    (origin.parent / "open").touch()
    (machine.folder / "Pulumi.dev.yaml").write_text("images: newer\n")
    assert propose(machine) == ["pr create", "pr view", "workflow run"]
    assert git(origin, "show", "proposal/images-dev:Pulumi.dev.yaml") == "images: newer\n"


def test_a_proposal_holds_what_belongs_into_its_folder_alone(origin: Path, machine: Machine) -> None:
    (machine.folder / "Pulumi.dev.yaml").write_text("images: of another job\n")
    (machine.folder / "requirements" / "new.txt").write_text("right-pad==1\n")
    propose(machine, "requirements")
    changed = git(origin, "diff", "--name-only", "main", "proposal/images-dev").split()
    assert changed == ["requirements/new.txt"]


def test_nothing_is_proposed_when_nothing_changed(origin: Path, machine: Machine) -> None:
    assert propose(machine) == []


# What dev does, and who agrees

AGREED = """case "$*" in
*deployments?environment=dev*) echo 7 ;;
*deployments/7/statuses*) echo 8 ;;
esac"""


@pytest.mark.parametrize(
    ("event", "due", "requested", "running", "agreed", "action", "environment"),
    [
        ("schedule", "up", "", "", True, "up", "dev-schedule"),
        ("schedule", "up", "", "", False, "up", "dev"),
        ("schedule", "destroy", "", "", False, "destroy", "dev-schedule"),
        ("workflow_dispatch", "destroy", "up", "", True, "up", "dev"),
        ("workflow_dispatch", "destroy", "destroy", "", False, "destroy", "dev-schedule"),
        ("push", "destroy", "", "true", True, "up", "dev"),
        ("push", "destroy", "", "false", False, "", "dev"),
    ],
)
def test_what_is_new_in_dev_waits_for_somebody_and_what_was_agreed_to_comes_and_goes_by_the_clock(
    machine: Machine, event: str, due: str, requested: str, running: str, agreed: bool, action: str, environment: str
) -> None:
    machine.has("gh", AGREED if agreed else "true")
    machine.has(
        "python3",
        f"mkdir -p .venv/bin; printf '#!/bin/sh\\necho running={running}\\n' | "
        "tee .venv/bin/python >.venv/bin/pip; chmod +x .venv/bin/*",
    )
    ended = machine.run(script("workflows/dev.yml", "decide", "decide"), EVENT=event, DUE=due, ASKED=requested)
    assert ended.returncode == 0, ended.stderr
    assert machine.outputs.read_text().splitlines() == [f"action={action}", f"environment={environment}"]


def test_what_nobody_agreed_to_waits_no_longer_when_something_newer_comes(machine: Machine) -> None:
    machine.has("gh", 'case "$*" in "run list"*) printf "4\\n5\\n" ;; esac')
    ended = machine.run(script("workflows/dev.yml", "decide", "end what still waits for somebody to agree"))
    assert ended.returncode == 0, ended.stderr
    assert machine.called[1:] == ["gh run cancel 4", "gh run cancel 5"]


# What takes a stack down


def test_a_lock_that_a_dead_run_left_is_lifted_and_a_second_try_takes_what_aws_held_on_to(machine: Machine) -> None:
    tried = machine.folder / "tried"
    machine.has("pulumi", f'[ "$1" != destroy ] || [ -e {tried} ] || {{ touch {tried}; exit 1; }}')
    python = machine.folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\necho "$*" >{machine.folder}/left\n')
    python.chmod(0o755)
    ended = machine.run(f"bash {FOLDER / 'actions/stack/destroy.sh'} dev")
    assert ended.returncode == 0, ended.stderr
    assert [line.split()[1] for line in machine.called] == ["cancel", "destroy", "destroy"]
    assert "--refresh" in machine.called[-1]
    assert (machine.folder / "left").read_text() == "-m delivery.leftovers dev --delete\n"


# What differs from what was deployed


@pytest.mark.parametrize(
    ("code", "output", "result"),
    [
        (0, "unchanged", "same"),
        (255, "error: no changes were expected for refresh but changes were proposed", "drifted"),
        (255, "error: no credentials", None),
    ],
)
def test_a_comparison_that_broke_off_is_no_difference(
    machine: Machine, code: int, output: str, result: str | None
) -> None:
    machine.has("pulumi", f"echo '{output}'; exit {code}")
    ended = machine.run(script("workflows/drift.yml", "compare", "compare"), STACK="prod")
    found = machine.folder / "drift" / "result"
    assert (found.read_text().strip() if found.exists() else None) == result
    assert (ended.returncode == 0) == (result is not None)
    assert output in ended.stdout


def tell(machine: Machine, result: str | None, *, issue: str = "") -> list[str]:
    machine.has("gh", f'case "$*" in "issue list"*) echo "{issue}" ;; esac')
    if result:
        (machine.folder / "drift").mkdir()
        (machine.folder / "drift" / "result").write_text(f"{result}\n")
        (machine.folder / "drift" / "report").write_text("~ replicas: 2 => 5\n")
    ended = machine.run(script("workflows/drift.yml", "tell", "tell"), STACK="prod")
    assert ended.returncode == 0, ended.stderr
    return [line for line in machine.called if not line.startswith("gh issue list")]


def test_a_difference_opens_one_issue(machine: Machine) -> None:
    (command,) = tell(machine, "drifted")
    assert command == "gh issue create --title prod is not what was deployed --body-file body"
    assert "~ replicas: 2 => 5" in (machine.folder / "body").read_text()


def test_a_difference_that_stays_updates_its_issue(machine: Machine) -> None:
    assert tell(machine, "drifted", issue="12") == ["gh issue edit 12 --body-file body"]


def test_a_difference_that_is_gone_closes_its_issue(machine: Machine) -> None:
    (command,) = tell(machine, "same", issue="12")
    assert command.startswith("gh issue close 12 ")


def test_no_difference_and_no_comparison_tell_nothing(machine: Machine) -> None:
    assert tell(machine, "same") == []
    shutil.rmtree(machine.folder / "drift")
    assert tell(machine, None) == []


# What main demands


@pytest.mark.parametrize(
    ("tests", "images", "preview", "passes"),
    [
        ("success", "success", "success", True),
        ("success", "success", "skipped", True),
        ("failure", "success", "success", False),
        ("success", "skipped", "success", False),
        ("success", "success", "failure", False),
        ("success", "success", "cancelled", False),
    ],
)
def test_only_the_preview_may_be_left_out(
    machine: Machine, tests: str, images: str, preview: str, passes: bool
) -> None:
    ended = machine.run(
        script("workflows/check.yml", "check", "see that everything passed"),
        TESTS=tests,
        IMAGES=images,
        PREVIEW=preview,
    )
    assert (ended.returncode == 0) is passes


# What is put on PATH


def test_a_program_whose_checksum_is_another_is_not_installed(machine: Machine) -> None:
    machine.has("curl", 'while [ "$1" != --output ]; do shift; done; echo stolen >"$2"')
    machine.has("id", "echo 1000")
    install = str(FOLDER / "actions/program/install.sh")
    ended = machine.run(f"bash {install} cosign")
    assert ended.returncode != 0
    assert "FAILED" in ended.stdout
    assert not (machine.folder / ".local/bin/cosign").exists()


def test_a_program_that_nobody_pinned_is_told(machine: Machine) -> None:
    ended = machine.run(f"bash {FOLDER / 'actions/program/install.sh'} kubectl")
    assert ended.returncode == 1
    assert "no program 'kubectl' is pinned: cosign, pulumi, trivy" in ended.stdout
