"""The installation's one row."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from course.store.models import Installation


def get(session: Session, *, lock: bool = False) -> Installation | None:
    query = select(Installation)
    return session.scalar(query.with_for_update() if lock else query)


def the(session: Session) -> Installation:
    """The row, which `create` has made."""
    return session.scalars(select(Installation)).one()


def create(session: Session, key: bytes, now: datetime) -> Installation:
    row = Installation(id=1, key=key, created_at=now, speed=1, real_at=now, course_at=now, guard_reason="")
    session.add(row)
    session.flush()
    return row


def note_tick(session: Session, now: datetime) -> None:
    session.execute(update(Installation).values(ticked_at=now))
