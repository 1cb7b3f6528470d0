"""One database role for each service, with the grants that its declaration names and no others."""

from collections.abc import Iterable, Mapping

import sqlalchemy as sa

from apps.platform.needs import DatabaseRole
from apps.resources import SENSORS


def grant(
    connection: sa.Connection, roles: Iterable[DatabaseRole], passwords: Mapping[str, str], *, revoke: bool = True
) -> None:
    """Create the roles where missing and give each exactly its grants: what is no longer named is taken away.

    On RDS the roles log in with IAM tokens. Elsewhere `passwords` holds a password for each role. Without `revoke`
    nothing is taken away: a newer release, whose processes may still run, gave more.
    """
    quote = connection.dialect.identifier_preparer.quote
    existing = set(connection.scalars(sa.text("SELECT rolname FROM pg_roles")))
    database = quote(connection.scalar(sa.text("SELECT current_database()")) or "")
    functions = ", ".join(sorted(SENSORS.functions))

    def run(statement: str) -> None:
        connection.exec_driver_sql(statement)

    run("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    for role in roles:
        name = quote(role.name)
        if role.name not in existing:
            run(f"CREATE ROLE {name} LOGIN")
        if role.name in passwords:
            run(_set_password(connection, role.name, passwords[role.name]))
        if "rds_iam" in existing:
            run(f"GRANT rds_iam TO {name}")
        run(f"GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {name}")
        run(f"GRANT USAGE ON SCHEMA public TO {name}")
        if revoke:
            run(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {name}")
            run(f"REVOKE ALL ON FUNCTION {functions} FROM {name}")
        for table, privileges in role.grants.items():
            run(f"GRANT {privileges} ON {quote(table)} TO {name}")
        for function in role.functions:
            run(f"GRANT EXECUTE ON FUNCTION {function} TO {name}")


def _set_password(connection: sa.Connection, role: str, password: str) -> str:
    # A utility statement takes no parameters: the server itself quotes them.
    quoted = sa.text("SELECT format('ALTER ROLE %I PASSWORD %L', CAST(:role AS text), CAST(:password AS text))")
    return connection.scalar(quoted, {"role": role, "password": password}) or ""
