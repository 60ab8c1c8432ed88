"""What waits for somebody: mails that nobody knows the end of, mails that were refused, and what stands still."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from course.core.status import Enrolled, Sent
from course.store.models import Course, Delivery, Enrollment, ProviderEvent, ReaderImport, Subscriber

DEAD = and_(Delivery.state == Sent.REFUSED, Delivery.scope == "message")


class Unknown(NamedTuple):
    """A mail that nobody knows the end of."""

    delivery: int
    course_id: int
    enrollment: int | None
    lesson: int | None
    number: int | None
    email: str
    name: str
    since: datetime
    resigned_at: datetime | None  # set: nobody asks the provider any more


def unknown(session: Session, limit: int) -> Sequence[Unknown]:
    """Oldest first."""
    query = (
        select(
            Delivery.id, Delivery.course_id, Delivery.enrollment_id, Delivery.lesson_id, Delivery.number,
            Subscriber.email, Subscriber.name, Delivery.created_at, Delivery.resigned_at,
        )
        .join(Subscriber, Subscriber.id == Delivery.subscriber_id)
        .where(Delivery.state == Sent.UNKNOWN)
        .order_by(Delivery.id)
    )  # fmt: skip
    return [Unknown(*row) for row in session.execute(query.limit(limit))]


def unknown_ids(session: Session, limit: int | None = None) -> Sequence[int]:
    query = select(Delivery.id).where(Delivery.state == Sent.UNKNOWN).order_by(Delivery.id)
    return session.scalars(query.limit(limit)).all()


def count_unknown(session: Session, reason: str | None = None) -> int:
    """`reason`: only those that are unknown because of it."""
    query = select(func.count()).select_from(Delivery).where(Delivery.state == Sent.UNKNOWN)
    return session.scalars(query if reason is None else query.where(Delivery.reason == reason)).one()


class Dead(NamedTuple):
    """Mails that the provider refused because of what is in them: of one lesson, or confirmations (no lesson)."""

    course_id: int
    lesson: int | None
    mails: int
    since: datetime | None
    revision: int | None  # the newest text that was refused
    newest: int  # the delivery whose reason is told


def dead(session: Session) -> Sequence[Dead]:
    query = select(
        Delivery.course_id,
        Delivery.lesson_id,
        func.count(),
        func.min(Delivery.done_at),
        func.max(Delivery.revision_id),
        func.max(Delivery.id),
    )
    groups = query.where(DEAD).group_by(Delivery.course_id, Delivery.lesson_id)
    return [Dead(*row) for row in session.execute(groups.order_by(Delivery.course_id, Delivery.lesson_id))]


def dead_ids(session: Session, course_id: int, lesson_id: int | None) -> Sequence[int]:
    query = select(Delivery.id).where(DEAD, Delivery.course_id == course_id)
    mine = Delivery.lesson_id.is_(None) if lesson_id is None else Delivery.lesson_id == lesson_id
    return session.scalars(query.where(mine).order_by(Delivery.id)).all()


def last_went(session: Session) -> datetime | None:
    """When the newest mail was taken by the provider."""
    went = select(Delivery.done_at).where(Delivery.state == Sent.ACCEPTED).order_by(Delivery.id.desc())
    return session.scalars(went.limit(1)).first()


def count_waiting(session: Session, machine: datetime, course: datetime) -> int:
    """Mails that might be gone by now: readers who are due, and what stands queued."""
    due = select(func.count()).select_from(Enrollment).join(Course, Course.id == Enrollment.course_id)
    late = due.where(Enrollment.due_at <= course, Enrollment.status == Enrolled.ACTIVE, Course.paused_at.is_(None))
    queued = select(func.count()).select_from(Delivery).join(Course, Course.id == Delivery.course_id)
    may_go = or_(Delivery.lesson_id.is_(None), Course.paused_at.is_(None))
    stands = queued.where(Delivery.state == Sent.QUEUED, Delivery.not_before <= machine, may_go)
    return session.scalars(late).one() + session.scalars(stands).one()


def events_wait_since(session: Session, before: datetime) -> datetime | None:
    """The oldest event that ought to have been worked through before then."""
    due = ProviderEvent.next_try_at
    return session.scalar(select(func.min(due)).where(ProviderEvent.processed_at.is_(None), due < before))


def failed_imports(session: Session, since: datetime) -> Sequence[ReaderImport]:
    """Lists that could not be brought in, and no later list of that course could."""
    newest = select(func.max(ReaderImport.id)).where(ReaderImport.state.in_(("failed", "done")))
    newest = newest.group_by(ReaderImport.course_id)
    failed = ReaderImport.id.in_(newest), ReaderImport.state == "failed", ReaderImport.created_at >= since
    return session.scalars(select(ReaderImport).where(*failed)).all()
