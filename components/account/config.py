"""The sections of the configuration that say what an account may cost and who deploys into it."""

from pydantic import Field

from components.section import Distinct, Email, Section


class BudgetConfig(Section):
    """What everything in the account may cost."""

    weekly_eur: float = Field(gt=0, examples=[5])
    usd_per_eur: float = Field(gt=0.5, lt=2, description="Rate to plan with; AWS bills dollars", examples=[1.15])
    notify: Distinct[Email] = Field(min_length=1, examples=[["platform@example.com"]])


class GitHubConfig(Section):
    """The repository whose workflows deploy. The ids are in `gh api repos/OWNER/REPOSITORY --jq '.owner.id, .id'`."""

    owner: str = Field(pattern=r"^[A-Za-z0-9-]+$", examples=["example"])
    owner_id: int = Field(gt=0, examples=[1234567])
    repository: str = Field(pattern=r"^[A-Za-z0-9._-]+$", examples=["example"])
    repository_id: int = Field(gt=0, examples=[987654321])

    def subjects(self, context: str) -> tuple[str, str]:
        """Return the subjects that a workflow's token may have, for example for the context `environment:dev`.

        With the ids of owner and repository for repositories made, renamed or moved since 2026-07-15 and those that
        opted in (`use_immutable_subject`), without them for the others.
        """
        with_ids = f"repo:{self.owner}@{self.owner_id}/{self.repository}@{self.repository_id}:{context}"
        return with_ids, f"repo:{self.owner}/{self.repository}:{context}"
