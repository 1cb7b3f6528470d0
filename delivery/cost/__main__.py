"""`python -m delivery.cost`: what dev and prod cost a week, from what they declare."""

import argparse
import sys
from datetime import UTC, date, datetime
from decimal import Decimal

from rich.console import Console
from rich.table import Table

from apps.catalog import CATALOG
from apps.platform.catalog import Catalog
from delivery import recording
from delivery.cost.estimate import HOURS_A_WEEK, Line, Part, affordable_hours, by_component, estimate, hourly_usd
from delivery.errors import DeliveryError
from delivery.recording import Graph
from stacks import environment
from stacks.config import EnvironmentConfig, load_environment
from stacks.errors import StackConfigError

OVER_BUDGET, USAGE = 1, 2

WIDE = 160
"""Columns where there is no terminal that would say how many it has."""


def main(arguments: list[str] | None = None, today: date | None = None) -> int:
    """Print a table for each stack; return 1 when one is over its cap, 2 when one cannot be read.

    `today`: the day on which prices hold, as what the support of a version costs changes.
    """
    parser = argparse.ArgumentParser(
        prog="python -m delivery.cost",
        description="What a stack costs a week: every resource that it declares, priced, for the hours that it runs.",
        epilog="exit code: 0 within the caps, 1 over a cap, 2 when a stack cannot be read or a price is missing",
    )
    parser.add_argument("stacks", nargs="*", metavar="STACK", default=["dev", "prod"], help="default: dev prod")
    parser.add_argument("--lines", action="store_true", help="show every resource with the source of its price")
    chosen = parser.parse_args(arguments)
    try:
        within = [
            _report(_console(), stack, today or datetime.now(UTC).date(), lines=chosen.lines) for stack in chosen.stacks
        ]
    except (StackConfigError, DeliveryError) as error:
        print(f"cost: {error}", file=sys.stderr)
        return USAGE
    return 0 if all(within) else OVER_BUDGET


def weekly_hours(config: EnvironmentConfig) -> Decimal:
    """Return how many hours a week a stack is up."""
    return HOURS_A_WEEK if config.schedule is None else Decimal(str(config.schedule.hours_per_week))


def cost(config: EnvironmentConfig, stack: str, today: date, catalog: Catalog = CATALOG) -> list[Line]:
    """Return what a stack costs on a day, resource by resource. Raises UnknownPriceError, UnknownAttributeError."""
    graph = recording.build(lambda: environment.deploy(config, stack, catalog), stack=stack)
    return estimate(parts(graph), config.region, today)


def parts(graph: Graph) -> list[Part]:
    """Return the resources of a recorded stack, each with the outermost component around it."""
    by_urn = {resource.urn: resource for resource in graph.resources}

    def component(urn: str) -> str:
        resource = by_urn[urn]
        return component(resource.parent) if resource.parent in by_urn else resource.name

    return [Part(component(r.urn), r.type, r.name, r.inputs, r.urn, r.property_dependencies) for r in graph.resources]


def _report(console: Console, stack: str, today: date, *, lines: bool) -> bool:
    config = load_environment(stack)
    found = cost(config, stack, today)
    hours, rate = weekly_hours(config), Decimal(str(config.budget.usd_per_eur))
    cap, week = Decimal(str(config.budget.weekly_eur)), hourly_usd(found) * hours / rate
    table = Table("component", title=f"{stack}: {float(hours):g} hours a week in {config.region}", title_justify="left")
    for heading in ("USD an hour", "EUR a week"):
        table.add_column(heading, justify="right")
    for component, hourly in by_component(found).items():
        table.add_row(component, f"{hourly:.4f}", f"{hourly * hours / rate:.2f}")
    table.add_section()
    table.add_row("at rest", f"{hourly_usd(found):.4f}", f"{week:.2f}")
    console.print(table)
    if lines:
        console.print(_details(found))
    said = "within its cap" if week <= cap else "OVER ITS CAP"
    console.print(
        f"{stack} costs EUR {week:.2f} a week of {float(cap):g}: {said}, which buys "
        f"{affordable_hours(cap * rate, found):.1f} hours a week. Not in it: what depends on use (traffic through NAT, "
        "load balancer and Kinesis, logs), which the AWS budget watches.\n",
        soft_wrap=True,
    )
    return week <= cap


def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=WIDE)


def _details(lines: list[Line]) -> Table:
    table = Table("resource", "item", "source of the price")
    table.add_column("count", justify="right")
    table.add_column("USD an hour", justify="right")
    for line in lines:
        table.add_row(line.resource, line.item, line.source, f"{line.count:g}", f"{line.hourly_usd:.4f}")
    return table


if __name__ == "__main__":
    sys.exit(main())
