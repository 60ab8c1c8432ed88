"""Lists of readers that coaches bring in."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, undefer

from course.store.models import ReaderImport


def add(session: Session, row: ReaderImport) -> ReaderImport:
    session.add(row)
    session.flush()
    return row


def by_id(session: Session, import_id: int, *, lock: bool = False) -> ReaderImport | None:
    """Without its text unless it is asked for."""
    return session.get(ReaderImport, import_id, with_for_update=lock)


def running(session: Session) -> ReaderImport | None:
    """The oldest one that runs, with its text."""
    query = select(ReaderImport).where(ReaderImport.state == "running").order_by(ReaderImport.id).limit(1)
    return session.scalar(query.options(undefer(ReaderImport.source)))


def newest(session: Session, course_id: int, limit: int) -> Sequence[ReaderImport]:
    query = select(ReaderImport).where(ReaderImport.course_id == course_id).order_by(ReaderImport.id.desc())
    return session.scalars(query.limit(limit)).all()


def drop_unstarted(session: Session, before: datetime) -> None:
    """Forgets lists that were looked at before then, and never started."""
    old = delete(ReaderImport).where(ReaderImport.state == "checked", ReaderImport.created_at < before)
    session.execute(old.execution_options(synchronize_session=False))
