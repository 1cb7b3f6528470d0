"""GitHub's environments: from which refs a job may use one, and whether a person agrees first. Pure.

Both sides are made from this: what the roles trust, and the settings of the repository.
"""

from dataclasses import dataclass

MAIN = "refs/heads/main"
PROPOSALS = "refs/heads/proposal/*"
"""Branches that a workflow makes: nobody's pull request starts a check of them, so they ask for one."""
PULL_REQUESTS = "refs/pull/*/merge"
RELEASES = "refs/tags/v*"


@dataclass(frozen=True, slots=True)
class GitHubEnvironment:
    """An environment of the repository. `refs`: patterns of what a job that uses it may run on."""

    name: str
    refs: tuple[str, ...]
    reviewed: bool = False


@dataclass(frozen=True, slots=True)
class DeployedEnvironment:
    """A stack that is deployed from GitHub: from releases where it is protected, from the main branch otherwise.

    `scheduled`: it is brought up and taken down by the clock, with nobody there to agree.
    """

    name: str
    protected: bool = False
    scheduled: bool = False

    @property
    def preview(self) -> GitHubEnvironment:
        """Where its previews run: those of pull requests reach no protected stack."""
        refs = (MAIN, RELEASES) if self.protected else (MAIN, PROPOSALS, PULL_REQUESTS)
        return GitHubEnvironment(f"preview-{self.name}", refs)

    @property
    def deploy(self) -> tuple[GitHubEnvironment, ...]:
        """Where its deployments run: what a person agreed to, and what the clock repeats or takes down."""
        refs = (RELEASES,) if self.protected else (MAIN,)
        reviewed = GitHubEnvironment(self.name, refs, reviewed=True)
        return (reviewed, GitHubEnvironment(f"{self.name}-schedule", refs)) if self.scheduled else (reviewed,)


IMAGES = GitHubEnvironment("images", (MAIN, RELEASES))
"""Where images are pushed: what was merged, and the copies that a release makes."""
