"""Tries at doors whose tries are counted. In the database, so they are the same for all processes and outlive them."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import bindparam, delete, func, insert, select
from sqlalchemy.orm import Session

from course.store.models import Attempt, Base

# Statements of the sign-up are built once: SQLAlchemy takes longer to build one than to run it.
_NOTE = insert(Base.metadata.tables[Attempt.__tablename__])
_COUNTS = (
    select(Attempt.key, func.count().label("tries"))
    .where(Attempt.key.in_([bindparam("one"), bindparam("other")]), Attempt.created_at > bindparam("since"))
    .group_by(Attempt.key)
)


def newest(session: Session, key: str, since: datetime, limit: int) -> Sequence[datetime]:
    """When the newest tries of this key were made, after `since`, newest first."""
    query = select(Attempt.created_at).where(Attempt.key == key, Attempt.created_at > since)
    return session.scalars(query.order_by(Attempt.created_at.desc()).limit(limit)).all()


def counts(session: Session, one: str, other: str, since: datetime) -> dict[str, int]:
    """How many tries each of two keys had after `since`; one without any is left out."""
    values = {"one": one, "other": other, "since": since}
    return {row.key: row.tries for row in session.execute(_COUNTS, values)}


def note(session: Session, keys: Collection[str], now: datetime) -> None:
    """One try for each key, where nobody asks for its number."""
    session.execute(_NOTE, [{"key": key, "created_at": now} for key in keys])


def add(session: Session, keys: Collection[str], now: datetime) -> list[int]:
    """One try for each key; their ids."""
    rows = [Attempt(key=key, created_at=now) for key in keys]
    session.add_all(rows)
    session.flush()
    return [row.id for row in rows]


def take_back(session: Session, ids: Collection[int]) -> None:
    session.execute(delete(Attempt).where(Attempt.id.in_(ids)))


def forget(session: Session, key: str) -> None:
    session.execute(delete(Attempt).where(Attempt.key == key))


def prune(session: Session, before: datetime) -> None:
    session.execute(delete(Attempt).where(Attempt.created_at < before))
