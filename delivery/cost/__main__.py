"""`python -m delivery.cost`: what dev and prod cost a week, from what they and their accounts declare."""

import argparse
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from rich.console import Console
from rich.table import Table

from apps.catalog import CATALOG
from apps.platform.catalog import Catalog
from delivery import recording
from delivery.cost.estimate import (
    HOURS_A_WEEK,
    Line,
    Part,
    affordable_hours,
    archive,
    by_component,
    estimate,
    hourly_usd,
    machines,
    snapshots,
)
from delivery.cost.placement import Placement, place
from delivery.cost.workloads import workloads
from delivery.errors import DeliveryError
from delivery.recording import Graph
from stacks import account, environment
from stacks.config import AccountConfig, EnvironmentConfig, environments, load_account_of, load_environment
from stacks.environment.services import processing
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
        description="What a stack costs a week: every resource that it declares, priced, for the hours that it runs, "
        "and what stays for it between them.",
        epilog="exit code: 0 within the caps, 1 over a cap, 2 when a stack cannot be read, a price is missing, or its "
        "pods do not fit on its nodes",
    )
    parser.add_argument("stacks", nargs="*", metavar="STACK", default=environments(), help="default: every environment")
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


@dataclass(frozen=True, slots=True)
class Cost:
    """What a stack costs, resource by resource, and the nodes that its pods take: at rest, and scaled to the most."""

    lines: list[Line]
    at_rest: Placement
    at_most: Placement


def cost(config: EnvironmentConfig, stack: str, today: date, catalog: Catalog = CATALOG) -> Cost:
    """Return what a stack costs on a day. Raises UnknownPriceError, UnknownAttributeError, UnschedulableError."""
    graph = recording.build(lambda: environment.deploy(config, stack, catalog), stack=stack)
    pods, nodes = workloads(graph), config.cluster.nodes
    at_rest, at_most = place(pods, nodes), place(pods, nodes, at_most=True)
    further = max(0, at_rest.nodes - nodes.minimum)
    lines = estimate(parts(graph), config.region, today, further)
    for name, of_job in processing(config).items():
        lines += machines(name, of_job, config.region)
    return Cost(lines, at_rest, at_most)


def standing_cost(config: EnvironmentConfig, stack: str, of: AccountConfig, today: date) -> list[Line]:
    """Return what costs every hour of the week: what the account keeps for itself and this stack, and its snapshots.

    Raises UnknownPriceError, UnknownAttributeError.
    """
    graph = recording.build(lambda: account.deploy(of, "bootstrap"), stack="bootstrap")
    others = set(of.environments) - {stack}
    own = [part for part in parts(graph) if part.component not in others]
    lines = estimate(own, of.region, today)
    if config.database.final_snapshot and config.schedule:
        lines.append(snapshots(config.database.storage_gib, config.database.snapshots_kept, config.region))
    if config.archive:
        lines += archive(config.archive, config.region)
    return lines


def parts(graph: Graph) -> list[Part]:
    """Return the resources of a recorded stack, each with the outermost component around it."""
    by_urn = {resource.urn: resource for resource in graph.resources}

    def component(urn: str) -> str:
        resource = by_urn[urn]
        return component(resource.parent) if resource.parent in by_urn else resource.name

    return [Part(component(r.urn), r.type, r.name, r.inputs, r.urn, r.property_dependencies) for r in graph.resources]


def _report(console: Console, stack: str, today: date, *, lines: bool) -> bool:
    config, of = load_environment(stack), load_account_of(stack)
    costs, standing = cost(config, stack, today), standing_cost(config, stack, of, today)
    running = costs.lines
    hours, rate = weekly_hours(config), Decimal(str(of.budget.usd_per_eur))
    cap, stays = Decimal(str(of.budget.weekly_eur)), hourly_usd(standing) * HOURS_A_WEEK / rate
    week = hourly_usd(running) * hours / rate + stays
    table = Table("component", title=f"{stack}: {float(hours):g} hours a week in {config.region}", title_justify="left")
    for heading in ("USD an hour", "EUR a week"):
        table.add_column(heading, justify="right")
    for found, of_week in ((running, hours), (standing, HOURS_A_WEEK)):
        for component, hourly in by_component(found).items():
            name = component if found is running else f"{component}, all week"
            table.add_row(name, f"{hourly:.4f}", f"{hourly * of_week / rate:.2f}")
        table.add_section()
    table.add_row("together", f"{hourly_usd([*running, *standing]):.4f}", f"{week:.2f}")
    console.print(table)
    if lines:
        console.print(_details([*running, *standing]))
    nodes = config.cluster.nodes
    console.print(f"{nodes.minimum} to {nodes.maximum} nodes {nodes.instance_type}; while new images are deployed,")
    for when, placed in (("at rest", costs.at_rest), ("scaled to the most", costs.at_most)):
        console.print(f"  {when}, the pods take {placed.nodes}: {placed}")
    verdict = "within its cap" if week <= cap else "OVER ITS CAP"
    console.print(
        f"{stack} costs EUR {week:.2f} a week of {float(cap):g}: {verdict}, which buys "
        f"{affordable_hours((cap - stays) * rate, running):.1f} hours a week. Not in it: what depends on use (traffic "
        "through NAT, load balancer and Kinesis, logs, images), which the account's budget watches.\n",
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
