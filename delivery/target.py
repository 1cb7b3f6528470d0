"""`python -m delivery.target`: what the workflows that deploy must know of a stack, from the stack's own file.

So a workflow holds no account, no role and no address, and GitHub no variable of them.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from components.account.github_deployment import role_arn
from components.account.image_repositories import registry
from stacks.account import state_bucket
from stacks.config import DAYS, PROJECT, EnvironmentConfig, ScheduleConfig, load_environment
from stacks.errors import StackConfigError

NOT_USABLE = 2


@dataclass(frozen=True, slots=True)
class DeployTarget:
    """Where a stack is deployed, and as whom."""

    account: str
    region: str
    preview_role: str
    deploy_role: str
    images_role: str
    registry: str
    backend: str

    @staticmethod
    def of(config: EnvironmentConfig, stack: str) -> "DeployTarget":
        """Return the target of a stack."""

        def role(name: str) -> str:
            return role_arn(PROJECT, config.account, name)

        return DeployTarget(
            account=config.account,
            region=config.region,
            preview_role=role("preview"),
            deploy_role=role(f"deploy-{stack}"),
            images_role=role("images"),
            registry=registry(config.account, config.region),
            backend=f"s3://{state_bucket(config.account, config.region)}?region={config.region}",
        )


def crons(schedule: ScheduleConfig) -> tuple[str, str, str]:
    """Return the times, in UTC, at which a stack is brought up and taken down, as GitHub's workflows write them.

    The third is for a stack that GitHub forgot to take down at the second. The last end is AWS's own.
    """
    days = ",".join(sorted(str((DAYS.index(day) + 1) % 7) for day in schedule.days))
    stop, again, _ = schedule.ends
    return _cron(schedule.start, days), _cron(stop, days), _cron(again, days)


def runs_at(schedule: ScheduleConfig | None, moment: datetime) -> bool:
    """Whether a stack is up at a moment: always without a schedule."""
    if schedule is None:
        return True
    utc = moment.astimezone(UTC)
    return DAYS[utc.weekday()] in schedule.days and schedule.start <= f"{utc:%H:%M}" < schedule.stop


def main(arguments: list[str] | None = None) -> int:
    """Print a line `name=value` for each fact; return 2 when the stack's file cannot be used."""
    parser = argparse.ArgumentParser(
        prog="python -m delivery.target",
        description="Prints where a stack is deployed and as whom, and whether it is up at this time of the week, "
        "as lines NAME=VALUE. A workflow appends them to its outputs.",
        epilog="exit code: 0, or 2 when the stack's file cannot be used",
    )
    parser.add_argument("stack", metavar="STACK", help="an environment, for example dev")
    stack = parser.parse_args(arguments).stack
    try:
        config = load_environment(stack)
    except StackConfigError as error:
        print(f"target: {error}", file=sys.stderr)
        return NOT_USABLE
    print("\n".join(_lines(config, stack)))
    return 0


def _lines(config: EnvironmentConfig, stack: str) -> Iterator[str]:
    yield from (f"{name}={value}" for name, value in asdict(DeployTarget.of(config, stack)).items())
    yield f"running={str(runs_at(config.schedule, datetime.now(UTC))).lower()}"


def _cron(clock: str, days: str) -> str:
    hour, minute = (int(part) for part in clock.split(":"))
    return f"{minute} {hour} * * {days}"


if __name__ == "__main__":
    sys.exit(main())
