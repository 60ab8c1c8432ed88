"""A database knows by which secret its links are signed"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | Sequence[str] | None = "0004"


def upgrade() -> None:
    op.add_column("installation", sa.Column("secret_mark", sa.String(16), nullable=True))
