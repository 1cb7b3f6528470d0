"""The sections of the configuration that say what an account may cost and who deploys into it."""

from pydantic import Field

from apps.platform.distinct import Distinct
from components.section import Email, Section


class BudgetConfig(Section):
    """What everything in the account may cost."""

    weekly_eur: float = Field(gt=0, examples=[5])
    usd_per_eur: float = Field(gt=0.5, lt=2, description="Rate to plan with; AWS bills dollars", examples=[1.15])
    notify: Distinct[Email] = Field(min_length=1, examples=[["platform@example.com"]])


class AthenaConfig(Section):
    """SQL over the archive. Nothing of it is needed to switch it on: `athena: {}`."""

    max_scanned_gib: int = Field(
        20, ge=1, le=10_000, description="GiB that one question may read; then it is ended", examples=[20]
    )
    assumed_scanned_gib_a_week: float = Field(
        20, ge=0, le=1_000_000, description="What `nox -s cost` counts with", examples=[100]
    )


class GitHubConfig(Section):
    """The repository whose workflows deploy. The ids are in `gh api repos/OWNER/REPOSITORY --jq '.owner.id, .id'`."""

    owner: str = Field(pattern=r"^[A-Za-z0-9-]+$", examples=["example"])
    owner_id: int = Field(gt=0, examples=[1234567])
    repository: str = Field(pattern=r"^[A-Za-z0-9._-]+$", examples=["example"])
    repository_id: int = Field(gt=0, examples=[987654321])

    @property
    def url(self) -> str:
        """Where the repository is."""
        return f"https://github.com/{self.owner}/{self.repository}"

    def workflow(self, file: str, ref: str) -> str:
        """Return the claim `job_workflow_ref` of a job in a workflow that others call."""
        return f"{self.owner}/{self.repository}/.github/workflows/{file}@{ref}"

    def subjects(self, context: str) -> tuple[str, str]:
        """Return the subjects that a workflow's token may have, for example for the context `environment:dev`.

        With the ids of owner and repository for repositories made, renamed or moved since 2026-07-15 and those that
        opted in (`use_immutable_subject`), without them for the others.
        """
        with_ids = f"repo:{self.owner}@{self.owner_id}/{self.repository}@{self.repository_id}:{context}"
        return with_ids, f"repo:{self.owner}/{self.repository}:{context}"


class RunnersConfig(Section):
    """Machines in AWS that run the jobs of GitHub which must reach a cluster."""

    connection: str = Field(
        pattern=r"^arn:aws[a-z-]*:(codeconnections|codestar-connections):[a-z0-9-]+:\d{12}:connection/[0-9a-f-]{36}$",
        description="Connection to GitHub that a person made and allowed (console, Developer Tools, Connections)",
        examples=["arn:aws:codeconnections:eu-west-1:123456789012:connection/01234567-89ab-cdef-0123-456789abcdef"],
    )


class ReportsConfig(Section):
    """Spark's reports of each month. Nothing of it is needed to switch them on: `reports: {}`."""

    maximum_vcpu: int = Field(
        16, ge=8, le=400, multiple_of=4, description="Most processors at once, with 4 GiB each", examples=[16]
    )
    timeout_minutes: int = Field(360, ge=10, le=1440, description="Minutes after which a run is ended", examples=[360])
    assumed_vcpu_hours: float = Field(
        4, gt=0, le=1_000_000, description="What `nox -s cost` counts with, a month", examples=[4]
    )
