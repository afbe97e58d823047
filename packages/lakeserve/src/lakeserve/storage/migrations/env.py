"""Runs migrations on the connection that ``schema.bring_to_newest`` hands over."""

from alembic import context

from lakeserve.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
context.run_migrations()
