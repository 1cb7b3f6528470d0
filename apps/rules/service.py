"""The declaration of the rules service."""

from apps.platform.declaration import Resources, Scale, Service
from apps.platform.needs import Connect
from apps.resources import SENSORS
from apps.rules import metrics
from apps.rules.settings import RulesSettings

GRANTS = {
    "reading_log": "SELECT, DELETE",
    "rule_partitions": "SELECT, INSERT, UPDATE",
    "rules": "SELECT",
    "devices": "SELECT",
    "latest_readings": "SELECT",
    "shard_leases": "SELECT",
    "alerts": "SELECT, INSERT, UPDATE",
    "alert_events": "SELECT, INSERT",
}

RULES = Service(
    name="rules",
    module="apps.rules",
    settings=RulesSettings,
    needs=(Connect(SENSORS, role="rules", grants=GRANTS),),
    scale=Scale(minimum=2, maximum=4),
    resources=Resources(cpu="100m", memory="384Mi"),
    metrics=metrics,
)
"""Judges what was stored by people's rules, and opens or resolves alerts."""
