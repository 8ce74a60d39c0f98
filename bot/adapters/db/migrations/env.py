"""Alembic's entry: migrates on the connection that `migrate` hands over."""

from alembic import context

from bot.adapters.db.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
