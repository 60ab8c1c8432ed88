"""What coaches write: courses, lessons, and the facts of the timetable."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from course.store.models.base import Base


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
    about: Mapped[str] = mapped_column(Text)  # Markdown, for the landing page
    afterwards: Mapped[str] = mapped_column(Text)  # Markdown, for who has finished
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
    """A change of the timetable: proposed, with what it would do; then published, and perhaps undone. Its Terms and
    Exclusions are what it says."""

    __tablename__ = "edit"
    id: Mapped[int] = mapped_column(primary_key=True)
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"), index=True)
    kind: Mapped[str] = mapped_column(String(20))  # import, or one of actions/edits.py
    choice: Mapped[str] = mapped_column(String(20))  # whom it is for
    summary: Mapped[str]  # in words, for the coaches
    change: Mapped[dict[str, Any]]  # what is proposed, see actions/edits.py
    groups: Mapped[dict[str, Any]]  # how many readers it finds where, as it was shown
    as_of: Mapped[datetime | None] = mapped_column("as_of_at")  # course time of what was shown
    author: Mapped[str]
    created_at: Mapped[datetime]
    published_at: Mapped[datetime | None]
    undone_at: Mapped[datetime | None]


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


class Effect(Base):
    """What an edit means for one reader: the next lesson and its instant, before and after (None: no lesson, or no
    date yet), and when the lesson that the edit speaks of arrives. All instants are course time."""

    __tablename__ = "effect"
    __table_args__ = (UniqueConstraint("edit_id", "enrollment_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    edit_id: Mapped[int] = mapped_column(ForeignKey("edit.id"))
    enrollment_id: Mapped[int] = mapped_column(ForeignKey("enrollment.id"), index=True)
    group: Mapped[str] = mapped_column("reader_group", String(10))  # actions/publishing.py
    lesson_before: Mapped[int | None]
    due_before: Mapped[datetime | None] = mapped_column("before_at")
    lesson_after: Mapped[int | None]
    due_after: Mapped[datetime | None] = mapped_column("after_at")
    arrives_at: Mapped[datetime | None]


class Draft(Base):
    """What a coach is writing: at most one for a lesson, saved as they type, sent to nobody."""

    __tablename__ = "draft"
    lesson_id: Mapped[int] = mapped_column(ForeignKey("lesson.id"), primary_key=True)
    source: Mapped[str] = mapped_column(Text)  # as Revision.source, but may not be in order yet
    version: Mapped[int]  # raised by every save: who saves over a version that they have not seen is told
    author: Mapped[str]
    updated_at: Mapped[datetime]


class Picture(Base):
    """An uploaded picture, made anew from its pixels; its address carries its digest."""

    __tablename__ = "picture"
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    media_type: Mapped[str] = mapped_column(String(20))
    data: Mapped[bytes] = mapped_column(deferred=True)
    width: Mapped[int]
    height: Mapped[int]
    author: Mapped[str]
    created_at: Mapped[datetime]
