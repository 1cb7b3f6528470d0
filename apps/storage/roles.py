"""One database role for each service, with the grants it needs and no others."""

from collections.abc import Mapping
from types import MappingProxyType

import sqlalchemy as sa

GRANTS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "ingestor": {
            "sensor_readings": "SELECT, INSERT",
            "readings_minute": "SELECT, INSERT, UPDATE",
            "latest_readings": "SELECT, INSERT, UPDATE",
            "devices": "SELECT, INSERT",
            "rejected_records": "SELECT, INSERT",
            "shard_leases": "SELECT, INSERT, UPDATE, DELETE",
        },
        "api": {
            "sensor_readings": "SELECT, INSERT",
            "readings_minute": "SELECT, INSERT, UPDATE",
            "latest_readings": "SELECT, INSERT, UPDATE, DELETE",
            "devices": "SELECT, INSERT, UPDATE, DELETE",
            "rejected_records": "SELECT",
            "alerts": "SELECT, UPDATE",
            "alert_events": "SELECT, INSERT",
        },
        "detector": {
            "readings_minute": "SELECT",
            "latest_readings": "SELECT",
            "devices": "SELECT",
            "alerts": "SELECT, INSERT, UPDATE",
            "alert_events": "SELECT, INSERT",
            "detector_memory": "SELECT, INSERT, UPDATE, DELETE",
        },
        "partitions": {},
    }
)
"""Privileges by role and table."""

FUNCTIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "ingestor": ("ensure_partition(timestamptz)",),
        "api": ("ensure_partition(timestamptz)",),
        "partitions": ("ensure_partition(timestamptz)", "drop_partition(text)"),
    }
)
"""Functions that a role may call."""


def grant(connection: sa.Connection, passwords: Mapping[str, str]) -> None:
    """Create the roles where missing and give each exactly its grants: what is no longer named is taken away.

    On RDS the roles log in with IAM tokens. Elsewhere `passwords` holds a password for each role.
    """
    quote = connection.dialect.identifier_preparer.quote
    roles = set(connection.scalars(sa.text("SELECT rolname FROM pg_roles")))
    database = quote(connection.scalar(sa.text("SELECT current_database()")) or "")
    functions = sorted({function for called in FUNCTIONS.values() for function in called})

    def run(statement: str) -> None:
        connection.exec_driver_sql(statement)

    run("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    for role, grants in GRANTS.items():
        name = quote(role)
        if role not in roles:
            run(f"CREATE ROLE {name} LOGIN")
        if role in passwords:
            run(_set_password(connection, role, passwords[role]))
        if "rds_iam" in roles:
            run(f"GRANT rds_iam TO {name}")
        run(f"GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {name}")
        run(f"GRANT USAGE ON SCHEMA public TO {name}")
        run(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {name}")
        run(f"REVOKE ALL ON FUNCTION {', '.join(functions)} FROM {name}")
        for table, privileges in grants.items():
            run(f"GRANT {privileges} ON {quote(table)} TO {name}")
        for function in FUNCTIONS.get(role, ()):
            run(f"GRANT EXECUTE ON FUNCTION {function} TO {name}")


def _set_password(connection: sa.Connection, role: str, password: str) -> str:
    # A utility statement takes no parameters: the server itself quotes them.
    quoted = sa.text("SELECT format('ALTER ROLE %I PASSWORD %L', CAST(:role AS text), CAST(:password AS text))")
    return connection.scalar(quoted, {"role": role, "password": password}) or ""
