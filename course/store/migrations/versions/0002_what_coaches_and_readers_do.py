"""What coaches and readers do"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

import course.store.types

revision: str = "0002"
down_revision: str | Sequence[str] | None = "0001"


def upgrade() -> None:
    op.create_table(
        "admin",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("email_key", sa.String(length=320), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("timezone", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("totp_secret", sa.String(), nullable=False),
        sa.Column("totp_counter", sa.Integer(), nullable=False),
        sa.Column("recovery_hashes", sa.JSON(), nullable=False),
        sa.Column("session_key", sa.String(length=64), nullable=False),
        sa.Column("weekly_mail", sa.Boolean(), nullable=False),
        sa.Column("created_at", course.store.types.Instant(timezone=True), nullable=False),
        sa.Column("seen_at", course.store.types.Instant(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_admin")),
        sa.UniqueConstraint("email_key", name=op.f("uq_admin_email_key")),
    )
    op.create_table(
        "attempt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("created_at", course.store.types.Instant(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempt")),
    )
    with op.batch_alter_table("attempt", schema=None) as batch_op:
        batch_op.create_index("ix_attempt_key", ["key", "created_at"], unique=False)

    op.create_table(
        "notice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=True),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("message", sa.JSON(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", course.store.types.Instant(timezone=True), nullable=False),
        sa.Column("created_at", course.store.types.Instant(timezone=True), nullable=False),
        sa.Column("done_at", course.store.types.Instant(timezone=True), nullable=True),
        sa.Column("problem", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
        sa.UniqueConstraint("key", name=op.f("uq_notice_key")),
    )
    with op.batch_alter_table("notice", schema=None) as batch_op:
        batch_op.create_index(
            "ix_notice_open",
            ["not_before"],
            unique=False,
            sqlite_where=sa.text("done_at IS NULL"),
            postgresql_where=sa.text("done_at IS NULL"),
        )

    op.create_table(
        "picture",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("media_type", sa.String(length=20), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("created_at", course.store.types.Instant(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_picture")),
    )
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("admin_id", sa.Integer(), nullable=True),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("created_at", course.store.types.Instant(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["admin_id"], ["admin.id"], name=op.f("fk_audit_entry_admin_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
    )
    with op.batch_alter_table("audit_entry", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_entry_created_at"), ["created_at"], unique=False)

    op.create_table(
        "profile",
        sa.Column("subscriber_id", sa.Integer(), nullable=False),
        sa.Column("units", sa.String(length=2), nullable=False),
        sa.Column("goal", sa.String(length=10), nullable=True),
        sa.Column("race_on", sa.Date(), nullable=True),
        sa.Column("weekly_km", sa.Double(), nullable=True),
        sa.Column("longest_km", sa.Double(), nullable=True),
        sa.Column("running_days", sa.JSON(), nullable=True),
        sa.Column("body_kg", sa.Double(), nullable=True),
        sa.Column("updated_at", course.store.types.Instant(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscriber.id"], name=op.f("fk_profile_subscriber_id")),
        sa.PrimaryKeyConstraint("subscriber_id", name=op.f("pk_profile")),
    )
    op.create_table(
        "reader_import",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("course_id", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("created_at", course.store.types.Instant(timezone=True), nullable=False),
        sa.Column("finished_at", course.store.types.Instant(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["course_id"], ["course.id"], name=op.f("fk_reader_import_course_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reader_import")),
    )
    op.create_table(
        "answer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("enrollment_id", sa.Integer(), nullable=False),
        sa.Column("lesson_id", sa.Integer(), nullable=False),
        sa.Column("copy", sa.Integer(), nullable=False),
        sa.Column("done_at", course.store.types.Instant(timezone=True), nullable=True),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("answered_at", course.store.types.Instant(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["enrollment_id"], ["enrollment.id"], name=op.f("fk_answer_enrollment_id")),
        sa.ForeignKeyConstraint(["lesson_id"], ["lesson.id"], name=op.f("fk_answer_lesson_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_answer")),
        sa.UniqueConstraint("enrollment_id", "lesson_id", "copy", name=op.f("uq_answer_enrollment_id_lesson_id_copy")),
    )
    with op.batch_alter_table("answer", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_answer_lesson_id_answered_at"), ["lesson_id", "answered_at"], unique=False)

    op.create_table(
        "draft",
        sa.Column("lesson_id", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("updated_at", course.store.types.Instant(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["lesson_id"], ["lesson.id"], name=op.f("fk_draft_lesson_id")),
        sa.PrimaryKeyConstraint("lesson_id", name=op.f("pk_draft")),
    )
    op.create_table(
        "effect",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("edit_id", sa.Integer(), nullable=False),
        sa.Column("enrollment_id", sa.Integer(), nullable=False),
        sa.Column("reader_group", sa.String(length=10), nullable=False),
        sa.Column("lesson_before", sa.Integer(), nullable=True),
        sa.Column("before_at", course.store.types.Instant(timezone=True), nullable=True),
        sa.Column("lesson_after", sa.Integer(), nullable=True),
        sa.Column("after_at", course.store.types.Instant(timezone=True), nullable=True),
        sa.Column("arrives_at", course.store.types.Instant(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["edit_id"], ["edit.id"], name=op.f("fk_effect_edit_id")),
        sa.ForeignKeyConstraint(["enrollment_id"], ["enrollment.id"], name=op.f("fk_effect_enrollment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_effect")),
        sa.UniqueConstraint("edit_id", "enrollment_id", name=op.f("uq_effect_edit_id_enrollment_id")),
    )
    with op.batch_alter_table("effect", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_effect_enrollment_id"), ["enrollment_id"], unique=False)

    op.add_column("subscriber", sa.Column("new_email", sa.String(length=320), nullable=True))
    for column in ("email_key", "name"):
        op.create_index(
            f"ix_subscriber_{column}", "subscriber", [column], postgresql_ops={column: "varchar_pattern_ops"}
        )
    for name, table, columns, rows in (
        ("ix_subscriber_unconfirmed", "subscriber", ["id"], "confirmed_at IS NULL"),
        ("ix_enrollment_paused", "enrollment", ["course_id", "status", "paused_until"], "paused_until IS NOT NULL"),
    ):
        op.create_index(name, table, columns, sqlite_where=sa.text(rows), postgresql_where=sa.text(rows))
    for columns in (["course_id", "status", "id"], ["course_id", "source", "id"]):
        op.create_index(op.f(f"ix_enrollment_{'_'.join(columns)}"), "enrollment", columns)
    op.create_index(op.f("ix_consent_course_id_kind_created_at"), "consent", ["course_id", "kind", "created_at"])
    dead = sa.text("state = 'refused' AND scope = 'message'")
    op.create_index("ix_delivery_dead", "delivery", ["lesson_id"], sqlite_where=dead, postgresql_where=dead)
    for column in ("delivery_id", "recipient"):
        op.create_index(op.f(f"ix_provider_event_{column}"), "provider_event", [column])

    with op.batch_alter_table("edit", schema=None) as batch_op:
        batch_op.add_column(sa.Column("choice", sa.String(length=20), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("summary", sa.String(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("change", sa.JSON(), nullable=False, server_default="{}"))
        batch_op.add_column(sa.Column("groups", sa.JSON(), nullable=False, server_default="{}"))
        batch_op.add_column(sa.Column("as_of_at", course.store.types.Instant(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("published_at", course.store.types.Instant(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("undone_at", course.store.types.Instant(timezone=True), nullable=True))
    op.execute("UPDATE edit SET published_at = created_at")
