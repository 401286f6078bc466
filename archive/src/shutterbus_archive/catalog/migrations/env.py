"""Alembic's entry: it is handed a connection, and every migration is one transaction with the note that it was done."""

from alembic import context

from shutterbus_archive.catalog.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transaction_per_migration=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
