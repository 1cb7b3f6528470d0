"""System Overview: the machines, the pods, and what is wrong right now."""

from datetime import timedelta
from fractions import Fraction

from apps.observability.dashboards.panels import Dashboard, Kind, Panel, Query, Unit
from apps.platform.exporters import (
    ALERTS,
    NODE_CPU,
    NODE_DISK,
    NODE_DISK_AVAILABLE,
    NODE_MEMORY,
    NODE_MEMORY_AVAILABLE,
    POD_RESTARTS,
    PROCESS_CPU,
    PROCESS_MEMORY,
    UP,
)
from apps.platform.promql import RATE_INTERVAL, NotMatches, avg, increase, max_, rate, sum_, value

NO_DISK = NotMatches("tmpfs|overlay|squashfs|ramfs|iso9660")
"""File systems that are none of a disk."""

SYSTEM = Dashboard(
    uid="system-overview",
    title="System Overview",
    panels=(
        Panel(
            title="Alerts firing",
            queries=(Query(sum_(value(ALERTS, alertstate="firing"), by=("alertname", "severity")), "{{alertname}}"),),
            kind=Kind.STAT,
            red_above=1,
        ),
        Panel(
            title="Targets that answer Prometheus",
            queries=(Query(sum_(value(UP), by=("job",)), "{{job}}"),),
            kind=Kind.STAT,
            red_below=1,
        ),
        Panel(
            title="Node CPU",
            queries=(Query(1 - avg(rate(NODE_CPU, RATE_INTERVAL, mode="idle"), by=("instance",)), "{{instance}}"),),
            unit=Unit.FRACTION,
            red_above=Fraction(9, 10),
        ),
        Panel(
            title="Node memory",
            queries=(Query(1 - value(NODE_MEMORY_AVAILABLE) / value(NODE_MEMORY), "{{instance}}"),),
            unit=Unit.FRACTION,
            red_above=Fraction(9, 10),
        ),
        Panel(
            title="Node disk",
            queries=(
                Query(
                    max_(
                        1 - value(NODE_DISK_AVAILABLE, fstype=NO_DISK) / value(NODE_DISK, fstype=NO_DISK),
                        by=("instance", "device"),
                    ),
                    "{{instance}} {{device}}",
                ),
            ),
            unit=Unit.FRACTION,
            red_above=Fraction(8, 10),
        ),
        Panel(
            title="Pod restarts within an hour",
            queries=(
                Query(
                    sum_(increase(POD_RESTARTS, timedelta(hours=1)), by=("namespace", "pod")), "{{namespace}}/{{pod}}"
                ),
            ),
            red_above=3,
        ),
        Panel(
            title="CPU of our processes",
            queries=(Query(sum_(rate(PROCESS_CPU, RATE_INTERVAL), by=("job", "instance")), "{{job}} {{instance}}"),),
            description="Cores in use.",
        ),
        Panel(
            title="Memory of our processes",
            queries=(Query(value(PROCESS_MEMORY), "{{job}} {{instance}}"),),
            unit=Unit.BYTES,
        ),
    ),
)
