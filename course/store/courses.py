"""Courses, lessons, revisions and the Terms of the timetable."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from course.core import sequence
from course.store.models import Base, Course, Edit, Lesson, Revision, Term

_ALL = select(Course).order_by(Course.id)
_TABLE = Base.metadata.tables[Course.__tablename__]
_ROWS = select(_TABLE).order_by(_TABLE.c.id)


def all_courses(session: Session) -> Sequence[Course]:
    """Oldest first: the first is the one that `/` shows."""
    return session.scalars(_ALL).all()


def rows(session: Session) -> Sequence[Any]:
    """The columns of `all_courses`, to read only: an entity costs SQLAlchemy three times as long."""
    return session.connection().execute(_ROWS).all()


def by_slug(session: Session, slug: str, *, lock: bool = False) -> Course | None:
    query = select(Course).where(Course.slug == slug)
    # The weaker lock: deliveries of this course, which only refer to the row, go on meanwhile.
    return session.scalar(query.with_for_update(key_share=True) if lock else query)


def add_course(session: Session, slug: str, *, now: datetime, **columns: Any) -> Course:
    row = Course(slug=slug, created_at=now, **columns)
    session.add(row)
    session.flush()
    return row


def add_lesson(session: Session, course_id: int, slug: str, digest: str, now: datetime) -> Lesson:
    row = Lesson(course_id=course_id, slug=slug, imported_digest=digest, created_at=now)
    session.add(row)
    session.flush()
    return row


def lessons_of(session: Session, course_id: int) -> dict[str, Lesson]:
    """By slug."""
    return {row.slug: row for row in session.scalars(select(Lesson).where(Lesson.course_id == course_id))}


def terms_of(session: Session, course_id: int, *, but: int | None = None) -> sequence.Terms:
    """Oldest first; `but` leaves away those of one edit."""
    query = select(Term.lesson_id, Term.name, Term.value, Term.since).where(Term.course_id == course_id)
    query = query.where(Term.edit_id != but) if but else query
    return sequence.Terms([sequence.Term(*row) for row in session.execute(query.order_by(Term.id))])


def revisions(session: Session, ids: Iterable[int]) -> dict[int, Revision]:
    """By id."""
    rows = session.scalars(select(Revision).where(Revision.id.in_(set(ids))))
    return {row.id: row for row in rows}


def newest_revision(session: Session, lesson_id: int) -> Revision:
    found = newest_revision_or_none(session, lesson_id)
    if found is None:
        raise LookupError(f"lesson {lesson_id} was never published")
    return found


def newest_revision_or_none(session: Session, lesson_id: int) -> Revision | None:
    query = select(Revision).where(Revision.lesson_id == lesson_id).order_by(Revision.id.desc())
    return session.scalars(query.limit(1)).first()


def has_terms(session: Session, lesson_id: int) -> bool:
    """Whether the lesson is or was in a timetable."""
    return session.scalars(select(Term.id).where(Term.lesson_id == lesson_id).limit(1)).first() is not None


def add_revision(session: Session, lesson: Lesson, source: str, digest: str, author: str, now: datetime) -> Revision:
    row = Revision(lesson_id=lesson.id, source=source, digest=digest, author=author, created_at=now)
    session.add(row)
    session.flush()
    return row


def add_edit(session: Session, course: Course, kind: str, author: str, now: datetime, **columns: Any) -> Edit:
    """A change that is published at once, unless `columns` say otherwise."""
    known = {"choice": "", "summary": "", "change": {}, "groups": {}, "published_at": now} | columns
    row = Edit(course_id=course.id, kind=kind, author=author, created_at=now, **known)
    session.add(row)
    session.flush()
    return row


def add_term(
    session: Session, edit: Edit, lesson: Lesson | None, name: str, value: Any, since: datetime | None = None
) -> None:
    session.add(
        Term(
            edit_id=edit.id,
            course_id=edit.course_id,
            lesson_id=lesson and lesson.id,
            name=name,
            value=value,
            since=since,
        )
    )


def revision(session: Session, revision_id: int) -> Revision:
    return session.get_one(Revision, revision_id)


def by_id(session: Session, course_id: int) -> Course | None:
    return session.get(Course, course_id)
