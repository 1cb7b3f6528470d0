"""PostgreSQL: tables, migrations, partitions, roles and how to connect."""
