"""Database: what is left of it."""

from fractions import Fraction

from apps.observability.dashboards.panels import Dashboard, Panel, Query, Unit
from apps.platform.promql import age, value
from apps.storage.metrics import (
    CONNECTIONS,
    CPU,
    CPU_CREDITS,
    CPU_SURPLUS_CREDITS,
    FREE_STORAGE,
    LAST_MEASURED,
    MAX_CONNECTIONS,
    SIZE,
)

DATABASE = Dashboard(
    uid="database",
    title="Database",
    panels=(
        Panel(
            title="Storage",
            queries=(Query(value(SIZE), "database"), Query(value(FREE_STORAGE), "free")),
            unit=Unit.BYTES,
        ),
        Panel(
            title="Connections",
            queries=(Query(value(CONNECTIONS), "taken"), Query(value(MAX_CONNECTIONS), "allowed")),
        ),
        Panel(title="CPU", queries=(Query(value(CPU), "in use"),), unit=Unit.FRACTION, red_above=Fraction(8, 10)),
        Panel(
            title="CPU credits",
            queries=(Query(value(CPU_CREDITS), "saved"), Query(value(CPU_SURPLUS_CREDITS), "spent in advance")),
            description="Of a burstable instance: it saves them below 20 % of each vCPU and spends them above.",
        ),
        Panel(title="Age of the measurement", queries=(Query(age(LAST_MEASURED), "age"),), unit=Unit.SECONDS),
    ),
)
