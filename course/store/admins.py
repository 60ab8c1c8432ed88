"""The coaches, and the book of what they did."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from course.store.models import Admin, AuditEntry


def by_id(session: Session, admin_id: int, *, lock: bool = False) -> Admin | None:
    return session.get(Admin, admin_id, with_for_update=lock)


def by_key(session: Session, email_key: str, *, lock: bool = False) -> Admin | None:
    query = select(Admin).where(Admin.email_key == email_key)
    return session.scalar(query.with_for_update() if lock else query)


def everyone(session: Session, *, lock: bool = False) -> Sequence[Admin]:
    """All coaches, the oldest first."""
    query = select(Admin).order_by(Admin.id)
    return session.scalars(query.with_for_update() if lock else query).all()


def count(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Admin)) or 0


def add(session: Session, row: Admin) -> Admin:
    session.add(row)
    session.flush()
    return row


def remove(session: Session, row: Admin) -> None:
    session.delete(row)


def add_entry(session: Session, row: AuditEntry) -> None:
    session.add(row)


def entries(session: Session, limit: int, offset: int, who: str = "") -> Sequence[AuditEntry]:
    """What was done, newest first; `who`: by this coach only."""
    query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit).offset(offset)
    return session.scalars(query.where(AuditEntry.who == who) if who else query).all()


def all_who(session: Session) -> Sequence[str]:
    """Everybody who ever did something, those who are gone too."""
    return session.scalars(select(AuditEntry.who).distinct().order_by(AuditEntry.who)).all()
