"""Enrollments: who is in which course, and who is due."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, exists, literal, select, update
from sqlalchemy.orm import Session

from course.core.status import UNSETTLED, Enrolled, Sent
from course.store.db import insert_of, none_of_each
from course.store.deliveries import COPY_AGAIN
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


def the(session: Session, enrollment_id: int) -> Enrollment:
    """One that is surely there, locked and read anew."""
    return session.get_one(Enrollment, enrollment_id, with_for_update=True, populate_existing=True)


def of(session: Session, subscriber_id: int, course_id: int, *, lock: bool = False) -> Enrollment | None:
    query = select(Enrollment).where(Enrollment.subscriber_id == subscriber_id, Enrollment.course_id == course_id)
    return session.scalar(query.with_for_update() if lock else query)


def take_due(session: Session, now: datetime, limit: int) -> Sequence[Any]:
    """Who is due, oldest first, locked until the transaction ends; others skip them.

    The re-check is the query: no suppressed address, no reader who left, no course that is paused, nobody whose lesson
    before is not settled.
    """
    unsettled = exists().where(
        Delivery.enrollment_id == Enrollment.id,
        Delivery.lesson_id.is_not(None),  # as the unique index says; without it every delivery is read
        Delivery.state.in_(UNSETTLED),
        Delivery.resigned_at.is_(None),
    )
    suppressed = exists().where(Suppression.email_key == Subscriber.email_key)
    paused = select(Course.id).where(Course.paused_at.is_not(None))
    query = (
        select(*DUE)
        .join(Subscriber, Subscriber.id == Enrollment.subscriber_id)
        .where(Enrollment.due_at <= now, Enrollment.status == Enrolled.ACTIVE)
        .where(exists().where(Course.paused_at.is_(None)))  # else nobody's backlog is read
        .where(Enrollment.course_id.not_in(paused))
        .where(*(none_of_each(barred, Enrollment, Subscriber) for barred in (unsettled, suppressed)))
        .order_by(Enrollment.due_at)
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


def forgotten(session: Session, limit: int) -> Sequence[int]:
    """Active readers for whom nothing is planned although none of their lessons is open. There should be none."""
    is_open = exists().where(
        Delivery.enrollment_id == Enrollment.id,
        Delivery.lesson_id.is_not(None),
        Delivery.state.in_((*UNSETTLED, Sent.QUEUED)),
        Delivery.resigned_at.is_(None),
    )
    query = select(Enrollment.id).where(Enrollment.status == Enrolled.ACTIVE, Enrollment.due_at.is_(None), ~is_open)
    return session.scalars(query.limit(limit)).all()


def went_later(session: Session, ids: Iterable[int], at: datetime) -> None:
    """The last lesson of these readers perhaps went at this time only: the gap to the next one counts from there."""
    late = update(Enrollment).where(Enrollment.id.in_(set(ids)), Enrollment.anchor_at < at)
    session.execute(late.values(anchor_at=at))


def stop_all(session: Session, subscriber_id: int, reason: str, now: datetime) -> None:
    """Ends every enrollment of an address that refuses mail."""
    session.execute(
        update(Enrollment)
        .where(Enrollment.subscriber_id == subscriber_id, Enrollment.status.in_((Enrolled.ACTIVE, Enrolled.FINISHED)))
        .values(status=Enrolled.STOPPED, due_at=None, ended_at=now, reason=reason[:500])
    )


def exclude_past(session: Session, course_id: int, lesson_id: int, edit_id: int, later: Collection[int]) -> None:
    """Skips a new lesson for the readers who already had one of the later lessons; since they started again, if they
    did."""
    had_later = exists().where(
        Delivery.enrollment_id == Enrollment.id,
        Delivery.lesson_id.is_not(None),
        Delivery.lesson_id.in_(later),
        Delivery.copy % COPY_AGAIN == Enrollment.copy,
    )
    readers = select(Enrollment.id, literal(lesson_id), literal(edit_id)).where(
        Enrollment.course_id == course_id, had_later
    )
    adding = insert_of(session)(Exclusion).from_select(["enrollment_id", "lesson_id", "edit_id"], readers)
    session.execute(adding.on_conflict_do_nothing())


def page(session: Session, course_id: int, *, after: int, limit: int) -> Sequence[Any]:
    """The same columns as `take_due`, of everybody in a course, by id, `limit` at a time, locked."""
    return session.execute(_page(course_id, after, limit)).all()


def planned(session: Session, course_id: int, *, after: int, limit: int) -> Sequence[Any]:
    """A page of the active readers with a lesson planned."""
    waiting = (Enrollment.status == Enrolled.ACTIVE, Enrollment.due_at.is_not(None))
    return session.execute(_page(course_id, after, limit).where(*waiting)).all()


def _page(course_id: int, after: int, limit: int) -> Any:
    query = select(*DUE).join(Subscriber, Subscriber.id == Enrollment.subscriber_id)
    mine = query.where(Enrollment.course_id == course_id, Enrollment.id > after)
    return mine.order_by(Enrollment.id).limit(limit).with_for_update(of=Enrollment)


def statuses(session: Session, course_id: int, subscriber_ids: Collection[int]) -> dict[int, str]:
    """The status in this course by subscriber id, of those who are or were in it."""
    query = select(Enrollment.subscriber_id, Enrollment.status).where(Enrollment.course_id == course_id)
    rows = session.execute(query.where(Enrollment.subscriber_id.in_(subscriber_ids)))
    return {subscriber: str(status) for subscriber, status in rows}


def add_missing(session: Session, new: Sequence[dict[str, Any]]) -> None:
    """Inserts enrollments; one that is already there stays as it is."""
    if new:
        session.execute(insert_of(session)(Enrollment).on_conflict_do_nothing(), list(new))


def everybody(session: Session, course_id: int) -> Iterable[Any]:
    """The columns of `take_due` and the source, of the whole course, read a thousand at a time."""
    query = select(*DUE, Enrollment.source).join(Subscriber, Subscriber.id == Enrollment.subscriber_id)
    ordered = query.where(Enrollment.course_id == course_id).order_by(Enrollment.id)
    return session.execute(ordered.execution_options(yield_per=1000))


def with_keys(session: Session, subscriber_id: int, *statuses: Enrolled) -> list[tuple[Enrollment, str]]:
    """A person's enrollments of these statuses, locked, with the key of their address."""
    query = select(Enrollment, Subscriber.email_key).join(Subscriber, Subscriber.id == Enrollment.subscriber_id)
    mine = query.where(Enrollment.subscriber_id == subscriber_id, Enrollment.status.in_(statuses))
    return [(row[0], row[1]) for row in session.execute(mine.with_for_update(of=Enrollment))]
