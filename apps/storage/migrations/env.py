"""Run by Alembic: `apps.storage.migrate` hands over an open connection, so there is nothing else to configure."""

from alembic import context

from apps.storage.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
