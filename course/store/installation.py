"""The installation's one row."""

from datetime import datetime
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, func, select, update
from sqlalchemy.orm import Session

from course.store.db import insert_of
from course.store.models import Heartbeat, Installation

_KEY = select(Installation.key)
_KEYS = WeakKeyDictionary[Engine | Connection, bytes]()


def get(session: Session, *, lock: bool = False) -> Installation | None:
    query = select(Installation)
    return session.scalar(query.with_for_update() if lock else query)


def the(session: Session) -> Installation:
    """The row, which `create` has made."""
    return session.scalars(select(Installation)).one()


def key(session: Session) -> bytes:
    """The row's key, which never changes: it is read once for an engine."""
    engine = session.get_bind()
    if engine not in _KEYS:
        _KEYS[engine] = session.execute(_KEY).scalar_one()
    return _KEYS[engine]


def create(session: Session, key: bytes, now: datetime) -> Installation:
    """The row; if another process made it in the same moment, that one's."""
    row = {
        "id": 1,
        "key": key,
        "created_at": now,
        "speed": 1,
        "real_at": now,
        "course_at": now,
    }
    session.execute(insert_of(session)(Installation).values(row).on_conflict_do_nothing())
    return session.scalars(select(Installation).with_for_update()).one()


def note_tick(session: Session, now: datetime) -> None:
    session.execute(update(Installation).values(ticked_at=now))


def beat(session: Session, worker: str, host: str, now: datetime) -> None:
    """A worker's sign of life."""
    row = session.get(Heartbeat, worker)
    if row is None:
        session.add(Heartbeat(worker=worker, host=host, started_at=now, seen_at=now))
    else:
        row.seen_at = now


def last_beat(session: Session) -> datetime | None:
    """The newest sign of life of any worker."""
    return session.scalar(select(func.max(Heartbeat.seen_at)))
