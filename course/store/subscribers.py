"""Subscribers, their consent, and the addresses that are not mailed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from course.core.status import Suppressed
from course.store.db import insert_of
from course.store.models import Consent, Subscriber, Suppression


def find_or_add(session: Session, email: str, email_key: str, name: str, timezone: str, now: datetime) -> Subscriber:
    """The one row of this address, locked: two sign-ups for it at once come one after the other."""
    row = {"email": email, "email_key": email_key, "name": name, "timezone": timezone, "created_at": now}
    session.execute(insert_of(session)(Subscriber).values(row).on_conflict_do_nothing())
    return session.scalars(select(Subscriber).where(Subscriber.email_key == email_key).with_for_update()).one()


def by_id(session: Session, subscriber_id: int, *, lock: bool = False) -> Subscriber | None:
    return session.get(Subscriber, subscriber_id, with_for_update=lock)


def by_key(session: Session, email_key: str) -> Subscriber | None:
    return session.scalar(select(Subscriber).where(Subscriber.email_key == email_key))


def suppression(session: Session, email_key: str) -> Suppression | None:
    return session.get(Suppression, email_key)


def suppress(session: Session, email_key: str, reason: str, detail: str, now: datetime) -> None:
    """A complaint is never replaced by something milder; a bounce seen again counts from the newest one."""
    found = suppression(session, email_key)
    if found and found.reason == Suppressed.COMPLAINT:
        return
    session.merge(Suppression(email_key=email_key, reason=reason, detail=detail[:500], created_at=now))


def lift(session: Session, row: Suppression) -> None:
    session.delete(row)


def add_consents(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Takes the columns of Consent."""
    if rows:
        session.execute(insert(Consent), list(rows))


def last_signup_source(session: Session, subscriber_id: int, course_id: int) -> str:
    """Where the newest sign-up came from; "" if there is none."""
    query = (
        select(Consent.source)
        .where(Consent.subscriber_id == subscriber_id, Consent.course_id == course_id, Consent.kind == "signup")
        .order_by(Consent.id.desc())
    )
    return session.scalar(query.limit(1)) or ""


def suppressed(session: Session, keys: Sequence[str]) -> set[str]:
    """Those of these address keys that are not mailed."""
    return set(session.scalars(select(Suppression.email_key).where(Suppression.email_key.in_(keys))))


def add_missing(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Inserts subscribers; an address that is already there stays as it is."""
    if rows:
        session.execute(insert_of(session)(Subscriber).on_conflict_do_nothing(), list(rows))


def by_keys(session: Session, keys: Sequence[str], *, lock: bool = False) -> Sequence[Any]:
    """Rows of id, email_key, timezone, confirmed_at, by key."""
    columns = (Subscriber.id, Subscriber.email_key, Subscriber.timezone, Subscriber.confirmed_at)
    query = select(*columns).where(Subscriber.email_key.in_(keys)).order_by(Subscriber.email_key)
    return session.execute(query.with_for_update() if lock else query).all()


def note_confirmed(session: Session, ids: Sequence[int], now: datetime) -> None:
    session.execute(update(Subscriber).where(Subscriber.id.in_(ids)).values(confirmed_at=now))
