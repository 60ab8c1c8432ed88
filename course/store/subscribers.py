"""Subscribers, their consent, and the addresses that are not mailed."""

from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from course.store.models import Consent, Subscriber, Suppression


def find_or_add(session: Session, email: str, email_key: str, name: str, timezone: str, now: datetime) -> Subscriber:
    """The one row of this address, locked: two sign-ups for it at once come one after the other."""
    dialect: Any = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    row = {"email": email, "email_key": email_key, "name": name, "timezone": timezone, "created_at": now}
    session.execute(dialect.insert(Subscriber).values(row).on_conflict_do_nothing())
    return session.scalars(select(Subscriber).where(Subscriber.email_key == email_key).with_for_update()).one()


def by_id(session: Session, subscriber_id: int, *, lock: bool = False) -> Subscriber | None:
    return session.get(Subscriber, subscriber_id, with_for_update=lock)


def suppression(session: Session, email_key: str) -> Suppression | None:
    return session.get(Suppression, email_key)


def suppress(session: Session, email_key: str, reason: str, detail: str, now: datetime) -> None:
    """A complaint is never replaced by something milder; a bounce seen again counts from the newest one."""
    session.merge(Suppression(email_key=email_key, reason=reason, detail=detail[:500], created_at=now))


def lift(session: Session, row: Suppression) -> None:
    session.delete(row)


def add_consent(session: Session, **values: Any) -> None:
    """Takes the columns of Consent."""
    session.execute(insert(Consent).values(values))


def last_signup_source(session: Session, subscriber_id: int, course_id: int) -> str:
    """Where the newest sign-up came from; "" if there is none."""
    query = (
        select(Consent.source)
        .where(Consent.subscriber_id == subscriber_id, Consent.course_id == course_id, Consent.kind == "signup")
        .order_by(Consent.id.desc())
    )
    return session.scalar(query.limit(1)) or ""
