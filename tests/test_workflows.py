"""GitHub's workflows: what they may do, and what they hold on to. `test_workflow_scripts.py` runs their scripts."""

import re
from pathlib import Path
from typing import Any

import pytest

from components.account.github_deployment import DEPLOYING
from components.account.github_runners import runner_project
from delivery.target import crons
from stacks.config import PROJECT, ROOT, load_environment
from stacks.github import end_commands
from tests.stacks.stacks_under_test import account_graph
from tests.support.workflows import FOLDER, WORKFLOWS, read, script

OURS = re.compile(r"\./\.github/(actions/[a-z]+|workflows/[a-z]+\.yml)")
PINNED = re.compile(r"actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")


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


def jobs_of(name: str) -> dict[str, Any]:
    jobs: dict[str, Any] = read(f"workflows/{name}")["jobs"]
    return jobs


def environment_of(job: dict[str, Any]) -> str:
    named = job["environment"]
    return str(named["name"] if isinstance(named, dict) else named)


def test_the_jobs_that_assume_a_role_run_in_the_environments_that_the_roles_trust() -> None:
    trusted = {
        name
        for account in ("bootstrap", "bootstrap-prod")
        for role in account_graph(account).of("aws:iam/role:Role")
        for name in re.findall(r"environment:([a-z-]+)", role.inputs["assumeRolePolicy"])
    }
    stacks = {job["with"]["stack"] for name in ("dev", "prod") for job in _callers(name, "deploy.yml")}
    named = {
        environment_of(job)
        for path in WORKFLOWS
        for job in jobs_of(path.name).values()
        if "uses" not in job and job["permissions"].get("id-token") == "write"
    }
    assert named == {
        "images",
        "preview-${{ inputs.stack }}",
        "preview-${{ matrix.stack }}",
        "${{ inputs.environment }}",
    }
    scheduled = {f"{stack}-schedule" for stack in stacks if load_environment(stack).schedule}
    assert trusted == {"images"} | {f"preview-{stack}" for stack in stacks} | stacks | scheduled


def test_every_job_that_needs_an_identity_says_which_environment_guards_it() -> None:
    for path in WORKFLOWS:
        for name, job in jobs_of(path.name).items():
            if "uses" not in job and job["permissions"].get("id-token") == "write":
                assert "environment" in job, f"{path.name}: {name}"


def test_what_deploys_runs_in_the_workflow_that_the_deploy_roles_trust() -> None:
    deploying = {
        path.name
        for path in WORKFLOWS
        for job in jobs_of(path.name).values()
        for step in job.get("steps", [])
        if step.get("with", {}).get("role") == "deploy"
    }
    assert deploying == {DEPLOYING}


def test_a_preview_and_a_deployment_ask_for_machines_of_their_own() -> None:
    wanted = {"preview": [jobs_of("preview.yml")["preview"], jobs_of("drift.yml")["compare"]]}
    wanted["deploy"] = [jobs_of("deploy.yml")["deploy"]]
    for purpose, jobs in wanted.items():
        for job in jobs:
            assert f"vars.{purpose.upper()}_RUNNER || format('codebuild-" in job["runs-on"]
            project = runner_project(PROJECT, purpose, "{0}")
            assert f"'codebuild-{project}-{{1}}-{{2}}', " in job["runs-on"], "one build for each job of each attempt"


def test_nobody_deploys_before_the_protection_of_the_environment_was_seen() -> None:
    jobs = jobs_of("deploy.yml")
    assert {"settings", "verify", "preview"} <= set(jobs["deploy"]["needs"])
    assert "!contains(needs.*.result, 'failure')" in jobs["deploy"]["if"]
    assert "if" not in jobs["settings"]
    assert "delivery.repository check" in str(jobs["settings"]["steps"])


def test_what_was_agreed_to_is_compared_before_it_is_done() -> None:
    names = [step.get("name") for step in jobs_of("deploy.yml")["deploy"]["steps"]]
    assert names.index("see that what was agreed to is what will be done") < names.index("up")


def test_a_pull_request_previews_nothing_that_is_protected() -> None:
    stack = jobs_of("check.yml")["preview"]["with"]["stack"]
    assert stack == "${{ github.event_name == 'push' && 'prod' || 'dev' }}"
    assert not load_environment("dev").protected


@pytest.mark.parametrize("path", [*WORKFLOWS, *FOLDER.glob("actions/*/*")], ids=lambda path: path.parts[-2:][1])
def test_packages_are_installed_by_hash_and_programs_by_checksum(path: Path) -> None:
    lines = path.read_text().replace("&&", "\n").splitlines()
    installing = [line for line in lines if "pip install" in line]
    assert [line for line in installing if "--require-hashes" not in line and "-r requirements/" not in line] == []
    assert path.name == "install.sh" or not re.search(r"curl .*(--output|-o|\|\s*(ba)?sh)", path.read_text())


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


def test_the_action_of_a_program_names_what_the_workflows_ask_it_for() -> None:
    offered = set(re.findall(r"^\s+([a-z]+)\)$", (FOLDER / "actions/program/install.sh").read_text(), re.MULTILINE))
    text = "".join(path.read_text() for path in [*WORKFLOWS, FOLDER / "actions/stack/action.yml"])
    requested = re.findall(r"uses: \./\.github/actions/program\n\s+with:\n\s+name: ([a-z]+)", text)
    assert set(requested) == offered
    assert end_commands("dev", "bucket", "eu-west-1")[3].split()[-1] in offered
