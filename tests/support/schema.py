"""What a database holds, as PostgreSQL itself writes it: more than Alembic's comparison sees."""

import asyncpg

TABLES = """
SELECT 'column ' || a.attrelid::regclass || '.' || a.attname,
       concat_ws(' ', format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'NOT NULL' END,
                 'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), 'IDENTITY ' || nullif(a.attidentity::text, ''))
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
LEFT JOIN pg_attrdef d ON (d.adrelid, d.adnum) = (c.oid, a.attnum)
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm') AND NOT c.relispartition
AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT 'partitions of ' || partrelid::regclass, pg_get_partkeydef(partrelid) FROM pg_partitioned_table
UNION ALL
SELECT 'constraint ' || conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conparentid = 0
UNION ALL
SELECT 'index ' || i.indexrelid::regclass, pg_get_indexdef(i.indexrelid)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE c.relnamespace = 'public'::regnamespace AND NOT c.relispartition
"""

CODE = """
SELECT 'function ' || oid::regprocedure,
       pg_get_functiondef(oid) || CASE WHEN EXISTS (
           SELECT FROM aclexplode(coalesce(proacl, acldefault('f', proowner))) WHERE grantee = 0
       ) THEN ' callable by everybody' ELSE '' END
FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL
SELECT 'trigger ' || tgrelid::regclass || '.' || tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
UNION ALL
SELECT 'view ' || viewname, definition FROM pg_views WHERE schemaname = 'public'
"""


async def tables(connection: asyncpg.Connection) -> dict[str, str]:
    """Return the definition of each column, constraint, index and partitioning, but of partitions and Alembic's own."""
    return {name: text for name, text in await connection.fetch(TABLES) if "alembic_version" not in name}


async def schema(connection: asyncpg.Connection) -> dict[str, str]:
    """Return the definitions of the tables, and of functions, triggers and views."""
    code = ((name, text) for name, text in await connection.fetch(CODE))
    return await tables(connection) | dict(code)
