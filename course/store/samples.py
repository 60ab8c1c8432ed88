"""Readers for whom a lesson can be shown before it is sent."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from course.store.models import Enrollment, Subscriber


def newest_readers(session: Session, course_id: int, limit: int) -> Sequence[Any]:
    """Rows of (enrollment id, first name, address)."""
    query = select(Enrollment.id, Subscriber.name, Subscriber.email).join(
        Subscriber, Subscriber.id == Enrollment.subscriber_id
    )
    query = query.where(Enrollment.course_id == course_id).order_by(Enrollment.id.desc()).limit(limit)
    return session.execute(query).all()
