"""Notices: mails that are no part of a course, as they will be sent."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from course.store.db import insert_of
from course.store.models import Notice


def add(session: Session, kind: str, email: str, message: dict[str, Any], now: datetime) -> int:
    row = Notice(kind=kind, email=email, message=message, attempts=0, not_before=now, created_at=now, problem="")
    session.add(row)
    session.flush()
    return row.id


def add_once(session: Session, key: str, kind: str, email: str, message: dict[str, Any], now: datetime) -> bool:
    """False: there is one under this key already."""
    row = {"key": key, "kind": kind, "email": email, "message": message, "attempts": 0, "problem": ""}
    new = insert_of(session)(Notice).values(row | {"not_before": now, "created_at": now})
    return session.scalar(new.on_conflict_do_nothing(index_elements=["key"]).returning(Notice.id)) is not None


def known(session: Session, keys: Collection[str]) -> set[str]:
    """Those of these keys under which there is a notice."""
    return {str(key) for key in session.scalars(select(Notice.key).where(Notice.key.in_(keys)))}


def take(session: Session, now: datetime) -> Notice | None:
    """One that may go now, the oldest first; others skip it."""
    query = select(Notice).where(Notice.done_at.is_(None), Notice.not_before <= now).order_by(Notice.not_before)
    return session.scalar(query.limit(1).with_for_update(skip_locked=True))


def by_id(session: Session, notice_id: int, *, lock: bool = False) -> Notice | None:
    return session.get(Notice, notice_id, with_for_update=lock)


def newest(session: Session, kind: str, email: str) -> Notice | None:
    query = select(Notice).where(Notice.kind == kind, Notice.email == email).order_by(Notice.id.desc())
    return session.scalar(query.limit(1))


def empty_bodies(session: Session, done_before: datetime) -> None:
    done = Notice.done_at.is_not(None) & (Notice.done_at < done_before)
    session.execute(update(Notice).where(done).values(message={}))
