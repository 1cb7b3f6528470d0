"""What the repository's settings shall be, from the stacks' own files. Pure.

Rulesets and settings are written as GitHub's REST API takes them: https://docs.github.com/en/rest.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.account.github_environments import IMAGES, RELEASES, GitHubEnvironment
from delivery.errors import RepositoryError
from stacks.config import ROOT, load_environment
from stacks.config import environments as stacks_with_a_file
from stacks.github import deployed_environment

REQUIRED_CHECK = "check"
"""The job of check.yml that needs all others."""

GITHUB_ACTIONS = 15368
"""The id of GitHub Actions among GitHub's apps: nobody else can say that a check passed."""

ADMINISTRATORS = {"actor_type": "RepositoryRole", "actor_id": 5}

SETTINGS: Mapping[str, Mapping[str, Any]] = {
    # Only GitHub's own actions, each by its commit.
    "actions/permissions": {"enabled": True, "allowed_actions": "selected", "sha_pinning_required": True},
    "actions/permissions/selected-actions": {
        "github_owned_allowed": True,
        "verified_allowed": False,
        "patterns_allowed": [],
    },
    # New images are proposed by a workflow. What it approves counts for nothing: a code owner must.
    "actions/permissions/workflow": {
        "default_workflow_permissions": "read",
        "can_approve_pull_request_reviews": True,
    },
    # Somebody looks at what a stranger's pull request would run.
    "actions/permissions/fork-pr-contributor-approval": {"approval_policy": "all_external_contributors"},
    # The roles trust the subject as GitHub makes it.
    "actions/oidc/customization/sub": {"use_default": True},
}
"""Path below the repository -> what is demanded there."""

RULESETS: tuple[Mapping[str, Any], ...] = (
    {
        "name": "main",
        "target": "branch",
        "enforcement": "active",
        "conditions": {"ref_name": {"include": ["~DEFAULT_BRANCH"], "exclude": []}},
        # One who works alone has nobody to agree: administrators may merge a pull request that lacks a review.
        "bypass_actors": [{**ADMINISTRATORS, "bypass_mode": "pull_request"}],
        "rules": [
            {"type": "deletion"},
            {"type": "non_fast_forward"},
            {
                "type": "pull_request",
                "parameters": {
                    "required_approving_review_count": 1,
                    "dismiss_stale_reviews_on_push": True,
                    "require_code_owner_review": True,
                    "require_last_push_approval": True,
                    "required_review_thread_resolution": False,
                },
            },
            {
                "type": "required_status_checks",
                "parameters": {
                    "strict_required_status_checks_policy": True,
                    "required_status_checks": [{"context": REQUIRED_CHECK, "integration_id": GITHUB_ACTIONS}],
                },
            },
        ],
    },
    {
        # A tag of a release deploys to what is protected: it is made once, by administrators, and never moved.
        "name": "releases",
        "target": "tag",
        "enforcement": "active",
        "conditions": {"ref_name": {"include": [RELEASES], "exclude": []}},
        "bypass_actors": [{**ADMINISTRATORS, "bypass_mode": "always"}],
        "rules": [{"type": kind} for kind in ("creation", "update", "deletion", "non_fast_forward")],
    },
)


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment with whoever agrees: logins and teams, the latter as OWNER/TEAM."""

    of: GitHubEnvironment
    reviewers: tuple[str, ...] = ()

    @property
    def policies(self) -> frozenset[tuple[str, str]]:
        """What may use it, as GitHub calls it: pairs of type and name pattern."""
        return frozenset(_policy(ref) for ref in self.of.refs)


def environments(stack: str | None = None, folder: Path = ROOT) -> list[Environment]:
    """Return the environments of every stack that is deployed from GitHub, or those that one stack's deployment uses.

    Raises RepositoryError for one that needs somebody to agree and names nobody, StackConfigError.
    """
    deployed = stacks_with_a_file(folder)
    if stack is not None and stack not in deployed:
        raise RepositoryError(f"there is no environment {stack}; there are {', '.join(deployed)}")
    found = [environment for name in deployed if stack in (None, name) for environment in _of(name, folder)]
    return [Environment(IMAGES), *found]


def _of(stack: str, folder: Path) -> Iterator[Environment]:
    deployed, reviewers = deployed_environment(stack, folder), load_environment(stack, folder).reviewers
    yield Environment(deployed.preview)
    for environment in deployed.deploy:
        if environment.reviewed and not reviewers:
            raise RepositoryError(
                f"nobody agrees to a deployment of {stack}: write reviewers (logins, OWNER/TEAM) into "
                f"Pulumi.{stack}.yaml"
            )
        yield Environment(environment, reviewers if environment.reviewed else ())


def _policy(ref: str) -> tuple[str, str]:
    if ref.startswith("refs/tags/"):
        return "tag", ref.removeprefix("refs/tags/")
    # GitHub knows the merge of a pull request by its whole name.
    return "branch", ref.removeprefix("refs/heads/")
