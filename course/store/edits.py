"""Edits, whom they change, and what they put down."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, exists, func, insert, or_, select
from sqlalchemy.orm import Session

from course.core.status import Sent
from course.store.db import insert_of
from course.store.enrollments import DUE
from course.store.models import Course, Delivery, Edit, Effect, Enrollment, Exclusion, Subscriber, Term


def by_id(session: Session, edit_id: int) -> Edit | None:
    return session.get(Edit, edit_id)


def published(session: Session, course_id: int, limit: int, offset: int = 0) -> Sequence[Edit]:
    """Newest first."""
    query = select(Edit).where(Edit.course_id == course_id, Edit.published_at.is_not(None))
    return session.scalars(query.order_by(Edit.id.desc()).limit(limit).offset(offset)).all()


def newer(session: Session, edit: Edit) -> Edit | None:
    """A change of the same course that was published, or undone, after this one was made."""
    query = select(Edit).where(Edit.course_id == edit.course_id, Edit.id != edit.id)
    since = edit.published_at or edit.created_at
    later = or_(Edit.published_at > since, Edit.undone_at > since, and_(Edit.published_at == since, Edit.id > edit.id))
    return session.scalars(query.where(later).order_by(Edit.id.desc()).limit(1)).first()


def drop_proposals(session: Session, course_id: int, before: datetime) -> None:
    """Forgets what was proposed before then, and never published."""
    old = select(Edit.id).where(Edit.course_id == course_id, Edit.published_at.is_(None), Edit.created_at < before)
    session.execute(delete(Effect).where(Effect.edit_id.in_(old)))
    session.execute(delete(Edit).where(Edit.id.in_(old)).execution_options(synchronize_session=False))


def readers(session: Session, course_id: int, *, lock: bool) -> Iterable[Any]:
    """The columns of `enrollments.take_due` for everybody who ever was in the course, by id, read a thousand at a time;
    locked, so that nobody moves on meanwhile."""
    query = (
        select(*DUE)
        .join(Subscriber, Subscriber.id == Enrollment.subscriber_id)
        .where(Enrollment.course_id == course_id)
        .order_by(Enrollment.id)
    )
    query = query.with_for_update(of=Enrollment) if lock else query
    return session.execute(query.execution_options(yield_per=1000))


def excluded(session: Session, course_id: int, *, but: int | None = None) -> dict[int, set[int]]:
    """The lessons that readers of this course are not to get, by enrollment; `but` leaves away the word of one edit."""
    found: dict[int, set[int]] = {}
    query = select(Exclusion.enrollment_id, Exclusion.lesson_id).join(
        Enrollment, Enrollment.id == Exclusion.enrollment_id
    )
    query = query.where(Exclusion.edit_id.is_distinct_from(but)) if but else query
    for enrollment, lesson in session.execute(query.where(Enrollment.course_id == course_id)):
        found.setdefault(enrollment, set()).add(lesson)
    return found


def waiting(session: Session, course_id: int) -> dict[int, tuple[bool, set[int]]]:
    """Who has lessons that are put back or unknown, by enrollment: whether one of them keeps the next lesson back, and
    the lessons that are put back: surely with nobody, and about to be sent."""
    found: dict[int, tuple[bool, set[int]]] = {}
    query = select(Delivery.enrollment_id, Delivery.lesson_id, Delivery.state).where(
        Delivery.course_id == course_id,
        Delivery.lesson_id.is_not(None),
        or_(
            Delivery.state == Sent.QUEUED,
            and_(Delivery.state == Sent.UNKNOWN, Delivery.resigned_at.is_(None)),
        ),
    )
    for enrollment, lesson, state in session.execute(query):
        if enrollment is not None and lesson is not None:
            _, queued = found.get(enrollment, (True, set()))
            found[enrollment] = (True, queued | {lesson} if state == Sent.QUEUED else queued)
    return found


def add_effects(session: Session, edit_id: int, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        session.execute(insert(Effect), [{"edit_id": edit_id, **row} for row in rows])


def drop_effects(session: Session, edit_id: int) -> None:
    session.execute(delete(Effect).where(Effect.edit_id == edit_id).execution_options(synchronize_session=False))


def effects(session: Session, edit_id: int) -> Sequence[Effect]:
    return session.scalars(select(Effect).where(Effect.edit_id == edit_id).order_by(Effect.enrollment_id)).all()


def exclude(session: Session, edit_id: int, lesson_id: int, enrollment_ids: Collection[int]) -> None:
    """They do not get this lesson; who was excluded before stays so by the older word."""
    if enrollment_ids:
        rows = [{"enrollment_id": e, "lesson_id": lesson_id, "edit_id": edit_id} for e in enrollment_ids]
        session.execute(insert_of(session)(Exclusion).on_conflict_do_nothing(), rows)


def withdraw(session: Session, edit_id: int) -> None:
    """Takes back what an edit says: its Terms and Exclusions."""
    for table in (Term, Exclusion):
        session.execute(delete(table).where(table.edit_id == edit_id).execution_options(synchronize_session=False))


def drop_queued(session: Session, lesson_id: int, enrollment_ids: Collection[int]) -> None:
    """Forgets copies of a lesson that surely are with nobody and are not wanted any more."""
    session.execute(
        delete(Delivery)
        .where(Delivery.lesson_id == lesson_id, Delivery.enrollment_id.in_(enrollment_ids))
        .where(Delivery.state == Sent.QUEUED)
        .execution_options(synchronize_session=False)
    )


def mail_went(session: Session, edit: Edit, lesson_id: int | None) -> bool:
    """Whether a mail that this edit changed was marked for sending since: the first lesson of a reader whose plan it
    changed, or the lesson that it speaks of."""
    since = edit.published_at
    went = select(Delivery.id).where(Delivery.course_id == edit.course_id, Delivery.lesson_id.is_not(None))
    went = went.where(Delivery.created_at > since)
    changed = or_(
        Effect.lesson_before.is_distinct_from(Effect.lesson_after),
        Effect.due_before.is_distinct_from(Effect.due_after),
        Delivery.lesson_id == lesson_id,
    )
    touched = exists().where(Effect.edit_id == edit.id, Effect.enrollment_id == Delivery.enrollment_id, changed)
    return session.scalar(went.where(touched).limit(1)) is not None


def any_lesson_went(session: Session, course_id: int, since: datetime) -> bool:
    query = select(Delivery.id).where(Delivery.course_id == course_id, Delivery.lesson_id.is_not(None))
    return session.scalar(query.where(Delivery.created_at > since).limit(1)) is not None


def count_readers(session: Session, course_id: int) -> int:
    return session.scalars(select(func.count()).where(Enrollment.course_id == course_id)).one()


def lock_course(session: Session, course_id: int) -> Course:
    """One change of a course comes after the other."""
    return session.get_one(Course, course_id, with_for_update={"key_share": True})


def people(session: Session, enrollment_ids: Collection[int]) -> dict[int, str]:
    """The addresses, by enrollment."""
    query = select(Enrollment.id, Subscriber.email).join(Subscriber, Subscriber.id == Enrollment.subscriber_id)
    rows = session.execute(query.where(Enrollment.id.in_(enrollment_ids)))
    return {row[0]: row[1] for row in rows}
