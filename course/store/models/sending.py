"""What goes out, through which account, and what providers told us about it."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from course.core.status import Sent
from course.store.models.base import Base


class Delivery(Base):
    """One promise to one person: this mail, this copy. The unique keys make a second one impossible."""

    __tablename__ = "delivery"
    __table_args__ = (
        Index("uq_delivery_lesson", "enrollment_id", "lesson_id", "copy", unique=True,
              sqlite_where=text("lesson_id IS NOT NULL"), postgresql_where=text("lesson_id IS NOT NULL")),
        Index("uq_delivery_service", "subscriber_id", "course_id", "kind", "copy", unique=True,
              sqlite_where=text("lesson_id IS NULL"), postgresql_where=text("lesson_id IS NULL")),
        Index("ix_delivery_subscriber", "subscriber_id"),
        Index("ix_delivery_queued", "not_before",
              sqlite_where=text("state = 'queued'"), postgresql_where=text("state = 'queued'")),
        Index("ix_delivery_unknown", "id",
              sqlite_where=text("state = 'unknown'"), postgresql_where=text("state = 'unknown'")),
        Index("ix_delivery_dead", "lesson_id", sqlite_where=text("state = 'refused' AND scope = 'message'"),
              postgresql_where=text("state = 'refused' AND scope = 'message'")),
    )  # fmt: skip
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))  # confirm | lesson
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id"))
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"))
    enrollment_id: Mapped[int | None] = mapped_column(ForeignKey("enrollment.id"))
    lesson_id: Mapped[int | None] = mapped_column(ForeignKey("lesson.id"))
    copy: Mapped[int]
    revision_id: Mapped[int | None] = mapped_column(ForeignKey("revision.id"))  # pinned at the mark
    number: Mapped[int | None]  # lesson 2 …
    count: Mapped[int | None]  # … of 5, as it was told
    state: Mapped[Sent] = mapped_column(String(10))
    scope: Mapped[str | None] = mapped_column(String(10))  # of a refusal: recipient | message
    reason: Mapped[str | None]
    not_before: Mapped[datetime | None]
    asked_at: Mapped[datetime | None]  # course time: the reader asked for it, so it may go at any hour
    call_id: Mapped[str | None] = mapped_column(String(32))  # the fence: only this call may record
    attempts: Mapped[int]
    created_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    heard: Mapped[str | None] = mapped_column(String(20))  # the weightiest event of the provider, core/happening.py
    heard_at: Mapped[datetime | None]
    resigned_at: Mapped[datetime | None]  # still unknown, but the reader's calendar goes on
    resent_at: Mapped[datetime | None]  # by the course's policy, once


class Call(Base):
    """One request to a provider, with all that a replay or a look-up needs."""

    __tablename__ = "call"
    __table_args__ = (
        Index("ix_call_open", "next_try_at",
              sqlite_where=text("state != 'done'"), postgresql_where=text("state != 'done'")),
        Index("ix_call_marked_at", "marked_at"),
    )  # fmt: skip
    id: Mapped[str] = mapped_column(String(32), primary_key=True)  # also the idempotency key
    provider: Mapped[str] = mapped_column(String(20))
    account: Mapped[str] = mapped_column(String(40))
    kind: Mapped[str] = mapped_column(String(10))
    state: Mapped[str] = mapped_column(String(10))  # sending | unknown | done
    members: Mapped[list[int]]  # delivery ids, in the order of the request
    bodies: Mapped[bytes | None]  # deflated; kept where keys are honoured, until settled
    marked_at: Mapped[datetime]
    next_try_at: Mapped[datetime]  # the end of a lease, while somebody has it


class Lane(Base):
    """One provider account: what is refused to one message because of it, is refused to all."""

    __tablename__ = "lane"
    provider: Mapped[str] = mapped_column(String(20), primary_key=True)
    account: Mapped[str] = mapped_column(String(40), primary_key=True)
    paused_until: Mapped[datetime | None]
    reason: Mapped[str]
    failures: Mapped[int]  # in a row; the next wait grows with it
    first_at: Mapped[datetime | None]  # its first call: the warm-up counts from here
    second: Mapped[int]  # the second (since 1970) that `second_count` messages were marked in
    second_count: Mapped[int]
    day: Mapped[int]  # likewise, the day since 1970, UTC
    day_count: Mapped[int]


class ProviderEvent(Base):
    """What a provider told us; each event once, processed after it was acknowledged."""

    __tablename__ = "provider_event"
    __table_args__ = (
        UniqueConstraint("provider", "account", "event_id"),
        Index("ix_provider_event_open", "next_try_at",
              sqlite_where=text("processed_at IS NULL"), postgresql_where=text("processed_at IS NULL")),
    )  # fmt: skip
    id: Mapped[int] = mapped_column(primary_key=True)
    provider: Mapped[str] = mapped_column(String(20))
    account: Mapped[str] = mapped_column(String(40))
    event_id: Mapped[str] = mapped_column(String(200))
    what: Mapped[str] = mapped_column(String(20))  # core/happening.py; "" for what we have no word for
    send_id: Mapped[str] = mapped_column(String(32))
    recipient: Mapped[str] = mapped_column(String(320), index=True)
    at: Mapped[datetime]
    detail: Mapped[str]
    raw: Mapped[str] = mapped_column(Text)  # as it was told; "" once it is understood
    received_at: Mapped[datetime]
    next_try_at: Mapped[datetime]
    processed_at: Mapped[datetime | None]
    delivery_id: Mapped[int | None] = mapped_column(ForeignKey("delivery.id"), index=True)  # None: nobody's


class Notice(Base):
    """A mail that is no part of a course: to a coach, or a fresh link that a reader asked for. It is stored as it will
    be sent. Should its answer be lost it is sent again, at most three times in all: a notice twice is better than
    none."""

    __tablename__ = "notice"
    __table_args__ = (
        Index("ix_notice_open", "not_before",
              sqlite_where=text("done_at IS NULL"), postgresql_where=text("done_at IS NULL")),
    )  # fmt: skip
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str | None] = mapped_column(String(80), unique=True)  # of what is to be said only once: "weekly:3:…"
    kind: Mapped[str] = mapped_column(String(20))  # test | weekly | alarm | invitation | password | access | address
    email: Mapped[str] = mapped_column(String(320))
    message: Mapped[dict[str, Any]]  # actions/notices.py
    attempts: Mapped[int]
    not_before: Mapped[datetime]
    created_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    problem: Mapped[str]  # what the provider said, if it did not take it
