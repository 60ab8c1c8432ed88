"""Deliveries: promises to send, and what became of them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import CursorResult, and_, func, insert, or_, select, update
from sqlalchemy.orm import Session

from course.core.status import UNSETTLED, Sent
from course.store.models import Course, Delivery, Enrollment, Subscriber, Suppression

COPY_AGAIN = 1000  # "send again" counts in thousands, so that it never meets a reader who starts again


def queue_service(session: Session, kind: str, subscriber_id: int, course_id: int, now: datetime) -> None:
    """Queues one more mail of this kind. The caller holds the subscriber's row."""
    of_kind = (Delivery.subscriber_id == subscriber_id, Delivery.course_id == course_id, Delivery.kind == kind)
    newest = session.scalar(select(func.max(Delivery.copy)).where(*of_kind)) or 0
    session.add(
        Delivery(
            kind=kind,
            subscriber_id=subscriber_id,
            course_id=course_id,
            copy=newest + 1,
            state=Sent.QUEUED,
            not_before=now,
            attempts=0,
            created_at=now,
        )
    )


def count_service(session: Session, subscriber_id: int, kind: str, since: datetime) -> int:
    """How many mails of this kind were queued for one person, over all courses."""
    query = select(func.count()).select_from(Delivery)
    return session.scalars(
        query.where(Delivery.subscriber_id == subscriber_id, Delivery.kind == kind, Delivery.created_at > since)
    ).one()


def take_queued(
    session: Session, kind: str, now: datetime, limit: int, only: Collection[int] | None = None
) -> Sequence[Any]:
    """Queued deliveries whose time has come, or those of `only`, locked; others skip them. With what the re-check
    needs: the address, its suppression and the enrollment's status."""
    ready = Delivery.not_before <= now if only is None else Delivery.id.in_(only)
    query = (
        select(
            Delivery.id,
            Delivery.course_id,
            Delivery.subscriber_id,
            Delivery.enrollment_id,
            Delivery.lesson_id,
            Delivery.copy,
            Delivery.asked_at,
            Delivery.attempts,
            Delivery.created_at,
            Subscriber.email,
            Subscriber.email_key,
            Enrollment.status,
            Suppression.reason.label("suppressed"),
            Suppression.created_at.label("suppressed_at"),
        )
        .join(Subscriber, Subscriber.id == Delivery.subscriber_id)
        .join(Course, Course.id == Delivery.course_id)
        .outerjoin(Enrollment, Enrollment.id == Delivery.enrollment_id)
        .outerjoin(Suppression, Suppression.email_key == Subscriber.email_key)
        .where(Delivery.state == Sent.QUEUED, Delivery.kind == kind, ready)
        .where(or_(Delivery.lesson_id.is_(None), Course.paused_at.is_(None)))
        .order_by(Delivery.not_before)
        .limit(limit)
        .with_for_update(of=Delivery, skip_locked=True)
    )
    return session.execute(query).all()


def add(session: Session, rows: Sequence[dict[str, Any]]) -> list[int]:
    """Inserts deliveries; their ids in the order of the rows."""
    if not rows:
        return []
    statement = insert(Delivery).returning(Delivery.id, sort_by_parameter_order=True)
    return list(session.scalars(statement, list(rows)))


def change(session: Session, delivery_id: int, **values: Any) -> None:
    """Changes one delivery that the caller holds."""
    session.execute(update(Delivery).where(Delivery.id == delivery_id).values(values))


def set_state(session: Session, ids: Collection[int], state: Sent, *, call_id: str | None = None, **values: Any) -> int:
    """Moves deliveries on; with `call_id` only those that still belong to that call and are not settled. How many."""
    if not ids:
        return 0
    statement = update(Delivery).where(Delivery.id.in_(ids)).values(state=state, **values)
    if call_id is not None:
        statement = statement.where(Delivery.call_id == call_id, Delivery.state.in_(UNSETTLED))
    result = session.execute(statement.execution_options(synchronize_session=False))
    return result.rowcount if isinstance(result, CursorResult) else 0


def count_refused(session: Session, revision_id: int) -> int:
    """How many readers' copies of this text were refused because of the text."""
    query = select(func.count()).select_from(Delivery).where(Delivery.revision_id == revision_id)
    return session.scalars(query.where(Delivery.state == Sent.REFUSED, Delivery.scope == "message")).one()


def by_id(session: Session, delivery_id: int, *, lock: bool = False) -> Delivery | None:
    return session.get(Delivery, delivery_id, with_for_update=lock)


def needing_somebody(session: Session) -> Sequence[Delivery]:
    """Unknown deliveries and dead letters, oldest first."""
    dead = and_(Delivery.state == Sent.REFUSED, Delivery.scope == "message")
    return session.scalars(
        select(Delivery).where(or_(Delivery.state == Sent.UNKNOWN, dead)).order_by(Delivery.id)
    ).all()


def queue_copy(session: Session, row: Delivery, now: datetime) -> None:
    """One more copy of the same mail for the same person, queued."""
    columns = ("kind", "subscriber_id", "course_id", "enrollment_id", "lesson_id", "revision_id", "number", "count")
    again = {name: getattr(row, name) for name in columns}
    copy = row.copy + COPY_AGAIN
    session.add(Delivery(**again, copy=copy, state=Sent.QUEUED, not_before=now, attempts=0, created_at=now))


def dropped(session: Session, enrollment_id: int) -> list[Delivery]:
    """Lessons whose newest copy was cancelled: the reader had left before it went."""
    query = select(Delivery).where(Delivery.enrollment_id == enrollment_id, Delivery.lesson_id.is_not(None))
    newest = {row.lesson_id: row for row in session.scalars(query.order_by(Delivery.copy))}
    return [row for row in newest.values() if row.state == Sent.CANCELLED]


def many(session: Session, ids: Collection[int]) -> dict[int, Delivery]:
    """By id."""
    return {row.id: row for row in session.scalars(select(Delivery).where(Delivery.id.in_(ids)))}


def of_subscriber(session: Session, subscriber_id: int) -> Sequence[Delivery]:
    """Everything promised to one person, newest first."""
    query = select(Delivery).where(Delivery.subscriber_id == subscriber_id).order_by(Delivery.id.desc())
    return session.scalars(query).all()


def unsettled(session: Session, enrollment_id: int, *, but: Sent | None = None) -> bool:
    """Whether a lesson of this reader is queued or on its way, or nobody knows; one that is `but` does not count."""
    query = select(Delivery.id).where(Delivery.enrollment_id == enrollment_id, Delivery.lesson_id.is_not(None))
    query = query.where(Delivery.resigned_at.is_(None))
    query = query.where(Delivery.state != but) if but else query
    return session.scalar(query.where(Delivery.state.in_((*UNSETTLED, Sent.QUEUED))).limit(1)) is not None


def any_queued(session: Session, before: datetime) -> bool:
    """Whether something that was promised before then is still queued."""
    query = select(Delivery.id).where(Delivery.state == Sent.QUEUED, Delivery.created_at <= before).limit(1)
    return session.scalar(query) is not None
