"""What GitHub's workflows deploy from, as the stacks' own files say it. Read by the account's stack and by delivery."""

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from components.account.config import GitHubConfig
from components.account.github_environments import DeployedEnvironment
from components.data.config import ArchiveConfig
from components.section import Section
from components.workload.config import ForecastsConfig
from stacks.config import DAYS, PROJECT, ROOT, ScheduleConfig, accounts, read_stack_file
from stacks.errors import StackConfigError

S = TypeVar("S", bound=Section)

MAX_LOCK_HOURS = 2
"""A deployment takes less: an older lock on a state belongs to a run that died."""


def deployed_environment(stack: str, folder: Path = ROOT) -> DeployedEnvironment:
    """Return what the stack's file says of how it is deployed; a stack without a file yet is neither thing.

    Nothing else in the file matters here: an account comes before its environments.
    """
    given = _given(stack, folder)
    return DeployedEnvironment(stack, given.get("protected") is True, given.get("schedule") is not None)


def repository(folder: Path = ROOT) -> GitHubConfig:
    """Return the repository that the accounts trust. Raises StackConfigError where they name different ones."""
    found = accounts(folder)
    if len(named := {account.github for account in found.values()}) != 1:
        raise StackConfigError(f"{', '.join(found) or 'no stack of an account'} must name one repository under github")
    return named.pop()


def schedule_of(stack: str, folder: Path = ROOT) -> ScheduleConfig | None:
    """Return when a stack runs; none: always. Raises StackConfigError for hours that are none."""
    return _section(ScheduleConfig, stack, "schedule", folder)


def archive_of(stack: str, folder: Path = ROOT) -> ArchiveConfig | None:
    """Return what a stack's file says of its archive; none: it has none. Raises StackConfigError for what is wrong."""
    return _section(ArchiveConfig, stack, "archive", folder)


def forecasts_of(stack: str, folder: Path = ROOT) -> ForecastsConfig | None:
    """Return what a stack's file says of forecasts; none: it makes none. Raises StackConfigError for what is wrong."""
    return _section(ForecastsConfig, stack, "forecasts", folder)


def end_cron(schedule: ScheduleConfig) -> str:
    """Return when AWS ends a stack that GitHub did not end, as EventBridge writes it: minute to year, in UTC."""
    hour, minute = schedule.ends[2].split(":")
    days = ",".join(day[:3].upper() for day in DAYS if day in schedule.days)
    return f"{int(minute)} {int(hour)} ? * {days} *"


def end_commands(stack: str, bucket: str, region: str) -> tuple[str, ...]:
    """Return what ends a stack on a fresh machine with a checkout, unless somebody is at work on it."""
    since = f"$(date -u -d '{MAX_LOCK_HOURS} hours ago' +%FT%T)"
    young = rf"""length(Contents[?LastModified>='{since}'] || \`[]\`)"""
    locks = (
        f"aws s3api list-objects-v2 --bucket {bucket} --prefix .pulumi/locks/organization/{PROJECT}/{stack}/ "
        f'--query "{young}" --output text'
    )
    return (
        f"""test "$({locks})" = 0 || {{ echo "somebody is at work on {stack}"; exit 1; }}""",
        "python3 -m venv .venv",
        ".venv/bin/pip install --quiet --require-hashes --requirement requirements/infra.txt",
        "bash .github/actions/program/install.sh pulumi",
        f"pulumi login 's3://{bucket}?region={region}' && pulumi stack select {stack}",
        f"bash .github/actions/stack/destroy.sh {stack}",
    )


def _section(model: type[S], stack: str, key: str, folder: Path) -> S | None:
    given = _given(stack, folder).get(key)
    try:
        return None if given is None else model.model_validate(given)
    except ValidationError as error:
        raise StackConfigError(f"Pulumi.{stack}.yaml: environment.{key} cannot be used: {error}") from None


def _given(stack: str, folder: Path) -> dict[str, object]:
    try:
        given = read_stack_file(stack, "environment", folder)
    except StackConfigError:
        return {}
    return given if isinstance(given, dict) else {}
