"""What coaches offer afterwards"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | Sequence[str] | None = "0002"


def upgrade() -> None:
    with op.batch_alter_table("course", schema=None) as batch_op:
        batch_op.add_column(sa.Column("afterwards", sa.Text(), nullable=False, server_default=""))
    if op.get_bind().dialect.name == "sqlite":  # there the column's own unique index finds what an address begins with
        op.drop_index("ix_subscriber_email_key", "subscriber")
