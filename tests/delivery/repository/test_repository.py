"""The repository's settings: told, changed, told to be right, and seen from a workflow."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from delivery.errors import RepositoryError
from delivery.repository import __main__ as command
from delivery.repository.declared import REQUIRED_CHECK, RULESETS, environments
from stacks.config import ROOT
from tests.stacks.stacks_under_test import account_graph
from tests.support.github import ADMINISTRATOR, WORKFLOW, Repository, serving


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    """The repository that the accounts trust, as GitHub makes it; its administrator is at work."""
    repository = Repository("example/sensor-analytics")
    with serving(repository) as url:
        monkeypatch.setenv("GITHUB_API_URL", url)
        monkeypatch.setenv("GH_TOKEN", ADMINISTRATOR)
        yield repository


@pytest.fixture
def protected(github: Repository, capsys: pytest.CaptureFixture[str]) -> Repository:
    """The same repository with every setting applied."""
    assert command.main(["apply"]) == 0
    github.changes.clear()
    capsys.readouterr()
    return github


def test_a_new_repository_is_told_from_the_declared_one_and_nothing_is_changed(
    github: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["plan"]) == 1
    output = capsys.readouterr().out
    assert "environment prod: is not there" in output
    assert "ruleset main: is not there" in output
    assert "default_workflow_permissions is 'write', not 'read'" in output
    assert github.changes == []


def test_what_was_applied_is_as_declared(protected: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["plan"]) == 0
    assert command.main(["apply"]) == 0
    assert "0 settings of example/sensor-analytics changed" in capsys.readouterr().out
    assert protected.changes == []


def test_an_environment_is_used_from_its_refs_alone_and_by_those_who_somebody_else_agrees_with(
    protected: Repository,
) -> None:
    prod = protected.environments["prod"]
    assert [(p["type"], p["name"]) for p in protected.policies["prod"].values()] == [("tag", "v*")]
    (review,) = [rule for rule in prod["protection_rules"] if rule["type"] == "required_reviewers"]
    assert review["prevent_self_review"]
    assert not prod["can_admins_bypass"]
    assert {p["name"] for p in protected.policies["preview-dev"].values()} == {
        "main",
        "proposal/*",
        "refs/pull/*/merge",
    }
    assert {p["name"] for p in protected.policies["preview-prod"].values()} == {"main", "v*"}


def test_a_private_repository_has_no_strangers_to_ask_about(
    protected: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    protected.private = True
    assert command.main(["plan"]) == 0


def test_what_somebody_changed_by_hand_is_told_and_mended(
    protected: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    protected.environments["prod"]["can_admins_bypass"] = True
    protected.policies["prod"][99] = {"id": 99, "type": "branch", "name": "feature/*"}
    (main,) = [ruleset for ruleset in protected.rulesets.values() if ruleset["name"] == "main"]
    main["enforcement"] = "disabled"
    assert command.main(["plan"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "environment prod: administrators need nobody to agree",
        "environment prod: branch feature/* is let in",
        "ruleset main: enforcement is 'disabled', not 'active'",
    ]
    assert command.main(["apply"]) == 0
    assert command.main(["plan"]) == 0


@pytest.mark.parametrize(
    ("weaken", "message"),
    [
        (lambda r: r.environments.pop("prod"), "environment prod: is not there"),
        (lambda r: r.environments["prod"].update(protection_rules=[]), "is reviewed by nobody, not by platform"),
        (lambda r: r.environments["prod"].update(deployment_branch_policy=None), "any branch may use it"),
        (lambda r: r.policies["prod"].update({9: {"id": 9, "type": "branch", "name": "*"}}), "branch * is let in"),
        (lambda r: r.rulesets.clear(), "ruleset main: is not there"),
        (
            lambda r: next(iter(r.rulesets.values()))["rules"].pop(),
            "required_status_checks.type is None, not 'required_status_checks'",
        ),
    ],
)
def test_a_workflow_sees_that_a_protection_is_missing_before_it_deploys(
    protected: Repository,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    weaken: Callable[[Repository], object],
    message: str,
) -> None:
    monkeypatch.setenv("GH_TOKEN", WORKFLOW)
    assert command.main(["check", "prod"]) == 0
    weaken(protected)
    assert command.main(["check", "prod"]) == 1
    printed = capsys.readouterr()
    assert message in printed.out
    assert "nox -s repository -- apply" in printed.err


def test_a_workflow_changes_nothing(
    protected: Repository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GH_TOKEN", WORKFLOW)
    assert command.main(["apply"]) == 2
    assert "403 Resource not accessible by integration: the token's owner must administer" in capsys.readouterr().err


@pytest.mark.parametrize(("token", "message"), [("", "no token: GH_TOKEN=$(gh auth token)"), ("wrong", "401 Bad")])
def test_without_a_token_nothing_can_be_said(
    github: Repository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], token: str, message: str
) -> None:
    monkeypatch.setenv("GH_TOKEN", token)
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    assert command.main(["plan"]) == 2
    assert message in capsys.readouterr().err


def test_a_server_that_does_not_answer_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(Repository("example/sensor-analytics")) as url:
        monkeypatch.setenv("GITHUB_API_URL", url)
    monkeypatch.setenv("GH_TOKEN", ADMINISTRATOR)
    assert command.main(["plan"]) == 2
    assert "GitHub cannot be reached" in capsys.readouterr().err


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The stacks' files, to be changed."""
    for path in ROOT.glob("Pulumi.*.yaml"):
        shutil.copy(path, tmp_path)
    return tmp_path


def test_a_stack_that_somebody_must_agree_to_names_somebody(checkout: Path) -> None:
    path = checkout / "Pulumi.prod.yaml"
    path.write_text("".join(line for line in path.read_text().splitlines(keepends=True) if "reviewers:" not in line))
    with pytest.raises(RepositoryError, match=r"write reviewers .* into Pulumi\.prod\.yaml"):
        environments(folder=checkout)


def test_a_stack_without_a_file_is_told() -> None:
    with pytest.raises(RepositoryError, match="there is no environment staging; there are dev, prod"):
        environments("staging")


def test_the_environments_are_those_that_the_roles_trust() -> None:
    trusted = {
        subject.rpartition(":")[2]
        for account in ("bootstrap", "bootstrap-prod")
        for role in account_graph(account).of("aws:iam/role:Role")
        for statement in json.loads(role.inputs["assumeRolePolicy"])["Statement"]
        for subject in statement["Condition"]["StringEquals"].get("token.actions.githubusercontent.com:sub", ())
    }
    assert {environment.of.name for environment in environments()} == trusted


def test_what_main_demands_is_a_job_that_needs_every_other() -> None:
    (demanded,) = [rule for rule in RULESETS[0]["rules"] if rule["type"] == "required_status_checks"]
    assert [check["context"] for check in demanded["parameters"]["required_status_checks"]] == [REQUIRED_CHECK]
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "check.yml").read_text())["jobs"]
    (name, job) = next((name, job) for name, job in jobs.items() if job["name"] == REQUIRED_CHECK)
    assert set(job["needs"]) == jobs.keys() - {name}


def test_who_owns_the_code_agrees_to_deployments_too() -> None:
    owners = (ROOT / ".github" / "CODEOWNERS").read_text().split("*")[1].split()
    reviewers = {f"@{name}" for environment in environments() for name in environment.reviewers}
    assert set(owners) <= reviewers
