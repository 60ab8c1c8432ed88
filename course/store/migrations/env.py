"""Alembic's way in: it runs on the connection, and in the transaction, that `migrate` hands over."""

from alembic import context

from course.store.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    compare_type=True,
)
context.run_migrations()
