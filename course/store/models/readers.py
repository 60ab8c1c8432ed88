"""Readers: who they are, what they agreed to, where they are in a course."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from course.core.status import Enrolled
from course.store.models.base import Base


class Subscriber(Base):
    __tablename__ = "subscriber"
    __table_args__ = (  # for the search by how an address or a name begins; a plain index on PostgreSQL cannot do it
        Index("ix_subscriber_email_key", "email_key",
              postgresql_ops={"email_key": "varchar_pattern_ops"}).ddl_if(dialect="postgresql"),
        Index("ix_subscriber_unconfirmed", "id",
              sqlite_where=text("confirmed_at IS NULL"), postgresql_where=text("confirmed_at IS NULL")),
        Index("ix_subscriber_name", "name", postgresql_ops={"name": "varchar_pattern_ops"}),
    )  # fmt: skip
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(320))
    email_key: Mapped[str] = mapped_column(String(320), unique=True)
    name: Mapped[str]
    timezone: Mapped[str]  # "" for the course's
    created_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    new_email: Mapped[str | None] = mapped_column(String(320))  # asked for, and not confirmed there yet


class Consent(Base):
    """Proof: who agreed to what, when and where; and who took it back."""

    __tablename__ = "consent"
    __table_args__ = (Index(None, "course_id", "kind", "created_at"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id"), index=True)
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"))
    kind: Mapped[str] = mapped_column(String(20))  # signup | confirm | import | leave | return
    at: Mapped[datetime] = mapped_column("created_at")
    source: Mapped[str]  # the page or post
    wording: Mapped[str] = mapped_column(String(40))  # version of what was shown
    ip: Mapped[str] = mapped_column(String(45))
    user_agent: Mapped[str]
    note: Mapped[str]


class Enrollment(Base):
    """One reader in one course. A due enrollment is the queue."""

    __tablename__ = "enrollment"
    __table_args__ = (
        UniqueConstraint("subscriber_id", "course_id"),
        Index(None, "course_id", "status", "id"),
        Index(None, "course_id", "source", "id"),
        Index("ix_enrollment_paused", "course_id", "status", "paused_until",
              sqlite_where=text("paused_until IS NOT NULL"), postgresql_where=text("paused_until IS NOT NULL")),
    )  # fmt: skip
    id: Mapped[int] = mapped_column(primary_key=True)
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id"))
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"))
    status: Mapped[Enrolled] = mapped_column(String(10))
    pace: Mapped[str] = mapped_column(String(10))
    hour: Mapped[str | None] = mapped_column(String(5))  # the reader's own; None: the course's
    weekdays: Mapped[list[int] | None]
    paused_until: Mapped[datetime | None]
    source: Mapped[str]
    enrolled_at: Mapped[datetime]
    anchor_at: Mapped[datetime]  # when the last lesson went; before the first, the enrollment
    asked_at: Mapped[datetime | None]  # the next lesson is to go at once; cleared when it is marked
    due_at: Mapped[datetime | None] = mapped_column(index=True)
    had: Mapped[list[int]]  # lesson ids of this copy: a cache beside due_at, the deliveries are the truth
    copy: Mapped[int]  # raised when a reader starts again
    links: Mapped[int]  # raised to revoke the links in earlier mails
    ended_at: Mapped[datetime | None]
    reason: Mapped[str]


class Suppression(Base):
    """An address that is not mailed; outlives the subscriber."""

    __tablename__ = "suppression"
    email_key: Mapped[str] = mapped_column(String(320), primary_key=True)
    reason: Mapped[str] = mapped_column(String(20))
    detail: Mapped[str]
    created_at: Mapped[datetime]


class Answer(Base):
    """What a reader said about one lesson: done, and a line for the coaches."""

    __tablename__ = "answer"
    __table_args__ = (UniqueConstraint("enrollment_id", "lesson_id", "copy"), Index(None, "lesson_id", "answered_at"))
    id: Mapped[int] = mapped_column(primary_key=True)
    enrollment_id: Mapped[int] = mapped_column(ForeignKey("enrollment.id"))
    lesson_id: Mapped[int] = mapped_column(ForeignKey("lesson.id"))
    copy: Mapped[int]
    done_at: Mapped[datetime | None]
    text: Mapped[str]
    answered_at: Mapped[datetime | None]


class Profile(Base):
    """What a runner chose to tell. Every field but `units` may be unknown; health data, so it goes nowhere else."""

    __tablename__ = "profile"
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id"), primary_key=True)
    units: Mapped[str] = mapped_column(String(2))  # km | mi
    goal: Mapped[str | None] = mapped_column(String(10))  # core/profile.py
    race_on: Mapped[date | None]
    weekly_km: Mapped[float | None]
    longest_km: Mapped[float | None]  # the longest run of the last 30 days
    running_days: Mapped[list[int] | None]  # 0 is Monday
    body_kg: Mapped[float | None]
    updated_at: Mapped[datetime]


class Attempt(Base):
    """A try at a door whose tries are counted: sign-ups by address and network, logins by account. Kept for a day."""

    __tablename__ = "attempt"
    __table_args__ = (Index("ix_attempt_key", "key", "created_at"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(80))  # "signup:ip:192.0.2.1", "login:3"
    created_at: Mapped[datetime]


class ReaderImport(Base):
    """A list of readers that a coach brings in. A worker takes it on, some hundred lines at a time."""

    __tablename__ = "reader_import"
    id: Mapped[int] = mapped_column(primary_key=True)
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"))
    source: Mapped[str] = mapped_column(Text, deferred=True)  # the CSV file; emptied when it is done
    options: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(10))  # checked | running | done | failed
    lines: Mapped[int]
    done: Mapped[int]
    report: Mapped[dict[str, Any]]
    author: Mapped[str]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
