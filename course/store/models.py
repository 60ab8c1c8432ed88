"""What is stored. Datetimes end in `_at`, are aware and UTC.

Two clocks: `due_at`, `anchor_at`, `asked_at`, `paused_until`, `enrolled_at` and `since` are course time, which may run
fast in a demo; everything else is machine time.
"""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, ForeignKey, Index, MetaData, String, Text, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from course.core.status import Enrolled, Sent
from course.store.types import Instant


class Base(DeclarativeBase):
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: Instant,
        list[int]: JSON,
        list[Any]: JSON,
        dict[str, Any]: JSON,
    }
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Installation(Base):
    """One row: who this database is, and the position of its course calendar."""

    __tablename__ = "installation"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[bytes]  # of send ids and suppression hashes; never rotates
    created_at: Mapped[datetime]
    reached_people_at: Mapped[datetime | None]  # a provider that reaches people was first used
    speed: Mapped[int]
    real_at: Mapped[datetime]
    course_at: Mapped[datetime]
    ticked_at: Mapped[datetime | None]  # the newest sign of life of any worker
    guard_at: Mapped[datetime | None]  # a restored database was noticed: what was queued before …
    guard_until: Mapped[datetime | None]  # … or fell due before this (course time) may have gone already
    guard_complete: Mapped[bool]  # this machine's journals know everything that was sent since the backup


class Course(Base):
    __tablename__ = "course"
    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(80), unique=True)
    title: Mapped[str]
    summary: Mapped[str]
    sender: Mapped[str]
    reply_to: Mapped[str]
    postal_address: Mapped[str]
    timezone: Mapped[str]
    send_until: Mapped[str]  # "21:00"
    first_name: Mapped[str]  # when a reader gave none
    disclaimer: Mapped[str]
    about: Mapped[str] = mapped_column(Text)  # Markdown
    on_unknown: Mapped[str] = mapped_column(String(10))  # hold for the coach | resend once
    imported: Mapped[str] = mapped_column(Text)  # course.toml as it was last imported
    created_at: Mapped[datetime]
    paused_at: Mapped[datetime | None]  # nothing is sent, sign-ups go on
    closed_at: Mapped[datetime | None]  # no sign-ups


class Lesson(Base):
    """A lesson is its id, never its position."""

    __tablename__ = "lesson"
    __table_args__ = (UniqueConstraint("course_id", "slug"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"))
    slug: Mapped[str] = mapped_column(String(120))
    imported_digest: Mapped[str] = mapped_column(String(64))  # of the file as last imported; "" for none
    created_at: Mapped[datetime]


class Revision(Base):
    """The text of a lesson as it was saved once; the text is never changed."""

    __tablename__ = "revision"
    id: Mapped[int] = mapped_column(primary_key=True)
    lesson_id: Mapped[int] = mapped_column(ForeignKey("lesson.id"), index=True)
    source: Mapped[str] = mapped_column(Text)  # a lesson file, see core/lesson_file.py
    digest: Mapped[str] = mapped_column(String(64))
    author: Mapped[str]
    created_at: Mapped[datetime]
    held_at: Mapped[datetime | None]  # providers refused it again and again: it waits for a better one
    held_reason: Mapped[str | None]


class Edit(Base):
    """One change of the timetable; its Terms and Exclusions are what it says."""

    __tablename__ = "edit"
    id: Mapped[int] = mapped_column(primary_key=True)
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    author: Mapped[str]
    created_at: Mapped[datetime]


class Term(Base):
    """One fact of the timetable, see core/sequence.py."""

    __tablename__ = "term"
    id: Mapped[int] = mapped_column(primary_key=True)
    edit_id: Mapped[int] = mapped_column(ForeignKey("edit.id"))
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"), index=True)
    lesson_id: Mapped[int | None] = mapped_column(ForeignKey("lesson.id"))
    name: Mapped[str] = mapped_column(String(20))
    value: Mapped[Any] = mapped_column(JSON)
    since: Mapped[datetime | None]


class Exclusion(Base):
    """A lesson that one reader does not get."""

    __tablename__ = "exclusion"
    __table_args__ = (UniqueConstraint("enrollment_id", "lesson_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    enrollment_id: Mapped[int] = mapped_column(ForeignKey("enrollment.id"))
    lesson_id: Mapped[int] = mapped_column(ForeignKey("lesson.id"))
    edit_id: Mapped[int | None] = mapped_column(ForeignKey("edit.id"))


class Subscriber(Base):
    __tablename__ = "subscriber"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(320))
    email_key: Mapped[str] = mapped_column(String(320), unique=True)
    name: Mapped[str]
    timezone: Mapped[str]  # "" for the course's
    created_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]


class Consent(Base):
    """Proof: who agreed to what, when and where; and who took it back."""

    __tablename__ = "consent"
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
    __table_args__ = (UniqueConstraint("subscriber_id", "course_id"),)
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
    )  # fmt: skip
    id: Mapped[str] = mapped_column(String(32), primary_key=True)  # also the idempotency key
    provider: Mapped[str] = mapped_column(String(20))
    account: Mapped[str] = mapped_column(String(40))
    kind: Mapped[str] = mapped_column(String(10))
    state: Mapped[str] = mapped_column(String(10))  # sending | unknown | done
    members: Mapped[list[int]]  # delivery ids, in the order of the request
    bodies: Mapped[bytes | None]  # deflated; kept where keys are honoured, until settled
    answer: Mapped[list[Any] | None]  # one entry a member
    marked_at: Mapped[datetime]
    lease_until: Mapped[datetime]
    next_try_at: Mapped[datetime]


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


class Suppression(Base):
    """An address that is not mailed; outlives the subscriber."""

    __tablename__ = "suppression"
    email_key: Mapped[str] = mapped_column(String(320), primary_key=True)
    reason: Mapped[str] = mapped_column(String(20))
    detail: Mapped[str]
    created_at: Mapped[datetime]


class ProviderEvent(Base):
    """What a provider told us, as it told it; each event once, processed after it was acknowledged."""

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
    recipient: Mapped[str] = mapped_column(String(320))
    at: Mapped[datetime]
    detail: Mapped[str]
    raw: Mapped[str] = mapped_column(Text)
    received_at: Mapped[datetime]
    next_try_at: Mapped[datetime]
    processed_at: Mapped[datetime | None]
    delivery_id: Mapped[int | None] = mapped_column(ForeignKey("delivery.id"))  # None: it is nobody's


class Alarm(Base):
    """Something that a person has to mend; told once, and once more when it is over."""

    __tablename__ = "alarm"
    key: Mapped[str] = mapped_column(String(80), primary_key=True)
    text: Mapped[str]
    since: Mapped[datetime] = mapped_column("since_at")
    next_try_at: Mapped[datetime]
    told_at: Mapped[datetime | None]
    cleared_at: Mapped[datetime | None]


class Heartbeat(Base):
    """A worker process and its last sign of life."""

    __tablename__ = "heartbeat"
    worker: Mapped[str] = mapped_column(String(32), primary_key=True)
    host: Mapped[str]
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
