"""What changing one reader's plan needs: their skips, the copies of their lessons, what waits for them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from course.core.status import Sent
from course.store.db import insert_of
from course.store.models import Delivery, Enrollment, Exclusion, Subscriber


def hold(session: Session, enrollment_id: int) -> Enrollment | None:
    """The enrollment, locked, and before it its person: whoever changes a reader comes in this order. The person's lock
    is the weak one, so that mails of theirs are marked meanwhile."""
    person = select(Enrollment.subscriber_id).where(Enrollment.id == enrollment_id).scalar_subquery()
    session.execute(select(Subscriber.id).where(Subscriber.id == person).with_for_update(key_share=True))
    return session.get(Enrollment, enrollment_id, with_for_update=True, populate_existing=True)


def others(session: Session, found: Enrollment) -> Sequence[Enrollment]:
    """The same person in other courses, locked."""
    query = select(Enrollment).where(Enrollment.subscriber_id == found.subscriber_id, Enrollment.id != found.id)
    return session.scalars(query.order_by(Enrollment.id).with_for_update()).all()


def skip(session: Session, enrollment_id: int, lesson_id: int) -> None:
    row = {"enrollment_id": enrollment_id, "lesson_id": lesson_id, "edit_id": None}
    session.execute(insert_of(session)(Exclusion).on_conflict_do_nothing(), row)


def take_back_skips(session: Session, enrollment_id: int, lesson_id: int | None = None, *, all_of_them: bool) -> int:
    """Forgets that this lesson (or every lesson) is skipped; by their own wish, or also by a change of the course. How
    many."""
    rows = delete(Exclusion).where(Exclusion.enrollment_id == enrollment_id)
    rows = rows.where(Exclusion.lesson_id == lesson_id) if lesson_id is not None else rows
    rows = rows if all_of_them else rows.where(Exclusion.edit_id.is_(None))
    return len(session.scalars(rows.returning(Exclusion.id).execution_options(synchronize_session=False)).all())


def newest_copy(session: Session, enrollment_id: int, lesson_id: int) -> Delivery | None:
    """By when it was made: who started again has lower numbers after a copy that was sent again before."""
    query = select(Delivery).where(Delivery.enrollment_id == enrollment_id, Delivery.lesson_id == lesson_id)
    return session.scalars(query.order_by(Delivery.id.desc()).limit(1)).first()


def hasten(session: Session, enrollment_id: int, now: datetime) -> None:
    """Lessons that wait for an opening ask again whether they may go: it may be another opening now."""
    rows = update(Delivery).where(Delivery.enrollment_id == enrollment_id, Delivery.lesson_id.is_not(None))
    waiting = rows.where(Delivery.state == Sent.QUEUED, Delivery.not_before > now)
    session.execute(waiting.values(not_before=now).execution_options(synchronize_session="fetch"))
