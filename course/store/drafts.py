"""What coaches are writing, and the versions that they published."""

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from course.store.models import Draft, Lesson, Revision


def lesson(session: Session, lesson_id: int, *, lock: bool = False) -> Lesson | None:
    """With `lock`: saves of one lesson come one after the other, the first ones too; deliveries go on meanwhile."""
    return session.get(Lesson, lesson_id, with_for_update={"key_share": True} if lock else None)


def of(session: Session, lesson_id: int, *, lock: bool = False) -> Draft | None:
    return session.get(Draft, lesson_id, with_for_update=lock, populate_existing=lock)


def add(session: Session, row: Draft) -> Draft:
    session.add(row)
    session.flush()
    return row


def remove(session: Session, row: Draft) -> None:
    session.delete(row)


def remove_lesson(session: Session, lesson_id: int) -> None:
    """One that was never published: nothing but its draft speaks of it."""
    session.execute(delete(Draft).where(Draft.lesson_id == lesson_id))
    session.execute(delete(Lesson).where(Lesson.id == lesson_id))


def versions(session: Session, lesson_id: int) -> Sequence[Revision]:
    """What was published of a lesson, the newest first."""
    query = select(Revision).where(Revision.lesson_id == lesson_id).order_by(Revision.id.desc())
    return session.scalars(query).all()
