"""Alarms: things that a person has to mend."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from course.store.db import insert_of
from course.store.models import Alarm


def ring(session: Session, key: str, text: str, now: datetime) -> None:
    """Notes trouble under a key; one that is already known stays as it is, so it is told once. One that was over, and
    is not told so yet, is told anew."""
    row = {"text": text[:500], "since_at": now, "next_try_at": now, "told_at": None, "cleared_at": None}
    new = insert_of(session)(Alarm.__table__).values(row | {"key": key})
    session.execute(new.on_conflict_do_update(index_elements=["key"], set_=row, where=Alarm.cleared_at.is_not(None)))


def clear(session: Session, key: str, now: datetime) -> None:
    """The trouble is over. Told once more if somebody was, or was to be, told of it."""
    row = session.get(Alarm, key, with_for_update=True)
    if row and row.next_try_at == row.since:  # nobody took it up yet
        session.delete(row)
    elif row and row.cleared_at is None:
        row.cleared_at, row.next_try_at = now, now


def take_untold(session: Session, now: datetime, retry: timedelta) -> tuple[Alarm, bool] | None:
    """One alarm that has to be told, or that is over and has to be told so; others leave it alone until `retry`. With
    it, whether this is the first time that it is taken up as what it is now."""
    query = (
        select(Alarm)
        .where(Alarm.next_try_at <= now, Alarm.told_at.is_(None) | Alarm.cleared_at.is_not(None))
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = session.scalar(query)
    if row is None:
        return None
    is_first = row.next_try_at == (row.cleared_at or row.since)
    row.next_try_at = now + retry
    return row, is_first


def told(session: Session, key: str, cleared_at: datetime | None, now: datetime) -> None:
    """It was told as what it was when it was taken; if it is something else by now, that is told next."""
    row = session.get(Alarm, key, with_for_update=True)
    if row is None or row.cleared_at != cleared_at:
        return
    if cleared_at:
        session.delete(row)
    else:
        row.told_at = now


def ringing(session: Session) -> Sequence[Alarm]:
    """What is wrong now, oldest first."""
    return session.scalars(select(Alarm).where(Alarm.cleared_at.is_(None)).order_by(Alarm.since)).all()
