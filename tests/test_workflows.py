"""GitHub's workflows: what they may do, what they hold on to, and the scripts in them, run for real."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from delivery.target import crons
from stacks.config import load_environment
from tests.stacks.stacks_under_test import account_graph

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".github"
WORKFLOWS = sorted((FOLDER / "workflows").glob("*.yml"))
OURS = re.compile(r"\./\.github/(actions/[a-z]+|workflows/[a-z]+\.yml)")
PINNED = re.compile(r"actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")


def read(name: str) -> dict[str, Any]:
    # YAML 1.1 takes the key `on` for true.
    document: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text().replace("\non:", "\n'on':"))
    return document


def script(name: str, job: str, step: str) -> str:
    """Return what a step runs."""
    (found,) = [s for s in read(name)["jobs"][job]["steps"] if s.get("name") == step]
    run: str = found["run"]
    return run


@pytest.mark.parametrize(
    "path", [*WORKFLOWS, *FOLDER.glob("actions/*/action.yml")], ids=lambda path: path.parts[-2:][1]
)
def test_only_our_own_actions_and_githubs_pinned_by_commit_are_used(path: Path) -> None:
    used = re.findall(r"^\s*-? ?uses: (.+)$", path.read_text(), re.MULTILINE)
    assert [name for name in used if not (OURS.fullmatch(name) or PINNED.fullmatch(name))] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_do_nothing_that_its_jobs_do_not_say(path: Path) -> None:
    assert read(f"workflows/{path.name}")["permissions"] == {}


def test_no_workflow_holds_a_credential() -> None:
    assert [path.name for path in WORKFLOWS if "secrets." in path.read_text()] == []


def test_the_jobs_that_assume_a_role_run_in_the_environment_that_the_role_trusts() -> None:
    subjects = [
        role.inputs["assumeRolePolicy"]
        for account in ("bootstrap", "bootstrap-prod")
        for role in account_graph(account).of("aws:iam/role:Role")
    ]
    trusted = {name for subject in subjects for name in re.findall(r"environment:([a-z]+)", subject)}
    stacks = {job["with"]["stack"] for name in ("dev", "prod") for job in _callers(name, "deploy.yml")}
    jobs = [
        job
        for path in WORKFLOWS
        for job in read(f"workflows/{path.name}")["jobs"].values()
        if "uses" not in job and job["permissions"].get("id-token") == "write"
    ]
    named = {job["environment"] for job in jobs}
    # An account may know environments that no workflow deploys.
    assert (named - {"${{ inputs.stack }}"}) | stacks <= trusted


def test_releases_go_to_what_is_protected() -> None:
    assert all(load_environment(job["with"]["stack"]).protected for job in _callers("prod", "deploy.yml"))


def _callers(name: str, callee: str) -> list[dict[str, Any]]:
    return [job for job in read(f"workflows/{name}.yml")["jobs"].values() if job.get("uses", "").endswith(callee)]


def test_dev_lives_by_the_schedule_of_its_file() -> None:
    schedule = load_environment("dev").schedule
    assert schedule is not None
    up, *destroy = crons(schedule)
    dev = read("workflows/dev.yml")
    assert [entry["cron"] for entry in dev["on"]["schedule"]] == [up, *destroy], "write these times into dev.yml"
    (decide,) = [step for step in dev["jobs"]["decide"]["steps"] if step.get("id") == "decide"]
    assert decide["env"]["DUE"] == f"${{{{ github.event.schedule == '{up}' && 'up' || 'destroy' }}}}"


def test_a_pull_request_passes_the_command_that_the_readme_tells_people_to_test_with() -> None:
    (command,) = re.findall(r"^python3 -m venv .*/nox$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert script("workflows/check.yml", "tests", "test") == command


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """A repository with the file of a stack, and a clone of it whose file another job has changed."""
    if shutil.which("git") is None:
        pytest.skip("git is not on PATH")
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch", "main", "origin")
    git(tmp_path, "clone", "--quiet", "origin", "clone")
    clone = tmp_path / "clone"
    (clone / "Pulumi.dev.yaml").write_text("images: old\n")
    git(clone, "add", "--all")
    git(clone, "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", "--message", "Begin")
    git(clone, "push", "--quiet", "origin", "HEAD:main")
    (tmp_path / "bin").mkdir()
    gh = tmp_path / "bin" / "gh"
    gh.write_text(
        f'#!/bin/sh\necho "$*" >>{tmp_path}/gh\ncase "$*" in "pr create"*) test ! -e {tmp_path}/open;; esac\n'
    )
    gh.chmod(0o755)
    return tmp_path


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


def propose(origin: Path) -> list[str]:
    environment = {
        "PATH": f"{origin / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(origin),
        "GH_TOKEN": "token",
        "STACK": "dev",
        "TITLE": "Run what was merged in dev",
        "GITHUB_RUN_ID": "1",
        "GITHUB_SHA": "abc",
    }
    command = [
        "bash",
        "--noprofile",
        "--norc",
        "-eo",
        "pipefail",
        "-c",
        script("workflows/propose.yml", "propose", "propose"),
    ]
    ended = subprocess.run(command, cwd=origin / "clone", env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return (origin / "gh").read_text().splitlines() if (origin / "gh").exists() else []


def test_a_proposal_is_a_branch_with_the_new_file_a_pull_request_and_its_check(origin: Path) -> None:
    (origin / "clone" / "Pulumi.dev.yaml").write_text("images: new\n")
    asked = propose(origin)
    assert git(origin / "origin", "show", "images/dev:Pulumi.dev.yaml") == "images: new\n"
    assert (
        git(origin / "origin", "log", "--format=%s %an", "images/dev", "-1")
        == "Run what was merged in dev github-actions[bot]\n"
    )
    assert [" ".join(line.split()[:2]) for line in asked] == ["pr create", "workflow run"]


def test_a_proposal_that_is_open_gets_the_newer_file(origin: Path) -> None:
    (origin / "open").touch()
    (origin / "clone" / "Pulumi.dev.yaml").write_text("images: newer\n")
    asked = propose(origin)
    assert git(origin / "origin", "show", "images/dev:Pulumi.dev.yaml") == "images: newer\n"
    assert [" ".join(line.split()[:2]) for line in asked] == ["pr create", "pr view", "workflow run"]


def test_nothing_is_proposed_when_nothing_changed(origin: Path) -> None:
    assert propose(origin) == []


def test_the_action_of_a_program_names_what_the_workflows_ask_it_for() -> None:
    offered = set(re.findall(r"^\s+([a-z]+)\)$", (FOLDER / "actions/program/action.yml").read_text(), re.MULTILINE))
    text = "".join(path.read_text() for path in [*WORKFLOWS, FOLDER / "actions/stack/action.yml"])
    asked = re.findall(r"uses: \./\.github/actions/program\n\s+with:\n\s+name: ([a-z]+)", text)
    assert set(asked) == offered
