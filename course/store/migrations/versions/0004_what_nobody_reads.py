"""What nobody reads goes; calls are found by time"""

from collections.abc import Sequence

from alembic import op

revision: str = "0004"
down_revision: str | Sequence[str] | None = "0003"


def upgrade() -> None:
    op.drop_column("call", "answer")
    op.drop_column("call", "lease_until")  # it always was the same as next_try_at
    op.drop_column("installation", "guard_until")
    op.drop_column("installation", "guard_complete")
    op.create_index("ix_call_marked_at", "call", ["marked_at"])
