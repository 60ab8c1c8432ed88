"""Enrollments: who is in which course, and who is due."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, exists, select, update
from sqlalchemy.orm import Session

from course.core.status import UNSETTLED, Enrolled
from course.store.models import Course, Delivery, Enrollment, Exclusion, Subscriber, Suppression

DUE = (
    Enrollment.id,
    Enrollment.subscriber_id,
    Enrollment.course_id,
    Enrollment.status,
    Enrollment.pace,
    Enrollment.hour,
    Enrollment.weekdays,
    Enrollment.paused_until,
    Enrollment.enrolled_at,
    Enrollment.anchor_at,
    Enrollment.asked_at,
    Enrollment.due_at,
    Enrollment.had,
    Enrollment.copy,
    Enrollment.links,
    Subscriber.email,
    Subscriber.email_key,
    Subscriber.name,
    Subscriber.timezone,
)


def by_id(session: Session, enrollment_id: int, *, lock: bool = False) -> Enrollment | None:
    return session.get(Enrollment, enrollment_id, with_for_update=lock)


def of(session: Session, subscriber_id: int, course_id: int) -> Enrollment | None:
    query = select(Enrollment).where(Enrollment.subscriber_id == subscriber_id, Enrollment.course_id == course_id)
    return session.scalar(query.with_for_update())


def take_due(session: Session, now: datetime, limit: int) -> Sequence[Any]:
    """Who is due, oldest first, locked until the transaction ends; others skip them.

    The re-check is the query: no suppressed address, no reader who left, no course that is paused, nobody whose lesson
    before is not settled.
    """
    unsettled = exists().where(Delivery.enrollment_id == Enrollment.id, Delivery.state.in_(UNSETTLED))
    suppressed = exists().where(Suppression.email_key == Subscriber.email_key)
    query = (
        select(*DUE)
        .join(Subscriber, Subscriber.id == Enrollment.subscriber_id)
        .join(Course, Course.id == Enrollment.course_id)
        .where(Enrollment.due_at <= now, Enrollment.status == Enrolled.ACTIVE, Course.paused_at.is_(None))
        .where(~unsettled, ~suppressed)
        .order_by(Enrollment.due_at, Enrollment.anchor_at)
        .limit(limit)
        .with_for_update(of=Enrollment, skip_locked=True)
    )
    return session.execute(query).all()


def rows(session: Session, ids: Iterable[int]) -> Sequence[Any]:
    """The same columns as `take_due`, locked, by enrollment id."""
    query = select(*DUE).join(Subscriber, Subscriber.id == Enrollment.subscriber_id)
    return session.execute(query.where(Enrollment.id.in_(set(ids))).with_for_update(of=Enrollment)).all()


def exclusions(session: Session, ids: Iterable[int]) -> dict[int, set[int]]:
    """Lesson ids that these enrollments are not to get."""
    found: dict[int, set[int]] = defaultdict(set)
    query = select(Exclusion.enrollment_id, Exclusion.lesson_id).where(Exclusion.enrollment_id.in_(set(ids)))
    for enrollment, lesson in session.execute(query):
        found[enrollment].add(lesson)
    return found


def save_plans(session: Session, plans: Sequence[dict[str, Any]]) -> None:
    """Writes what the mark decided: dicts with `key` (the id) and any of due_at, anchor_at, asked_at, had, status,
    ended_at; all dicts of one call name the same columns."""
    if plans:
        columns = [name for name in plans[0] if name != "key"]
        table = Enrollment.__table__
        statement = update(table).where(table.c.id == bindparam("key"))  # type: ignore[arg-type]
        session.connection().execute(statement.values({name: bindparam(name) for name in columns}), list(plans))


def hold(session: Session, ids: Iterable[int]) -> None:
    """Plans nothing for them until their unsettled lesson is settled."""
    session.execute(update(Enrollment).where(Enrollment.id.in_(set(ids))).values(due_at=None))
