"""The list of a course's readers: found by how an address or a name begins, by status and by source; newest first.

Every query reads an index in the order in which it shows, so that a page of a million readers costs no more than one of
a hundred."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from course.core.status import Enrolled
from course.store.enrollments import DUE
from course.store.models import Consent, Course, Delivery, Enrollment, Subscriber

MATCHES = 10_000  # of a search that fits more people, these are looked through
LAST = "\U0010ffff"
ROW = (*DUE, Enrollment.source, Enrollment.ended_at, Enrollment.reason)


def page(
    session: Session,
    course_id: int,
    *,
    text: str = "",
    status: str = "",
    source: str | None = None,
    had: int | None = None,
    paused_at: datetime | None = None,
    before: int | None = None,
    limit: int = 50,
) -> Sequence[Any]:
    """ROW of up to `limit` readers, newest first, below enrollment id `before`. `paused_at`: in a pause at that instant
    (course time); `had`: this lesson went to them."""
    query = select(*ROW).join(Subscriber, Subscriber.id == Enrollment.subscriber_id)
    query = query.where(Enrollment.course_id == course_id)
    if text:
        query = query.where(Enrollment.subscriber_id.in_(_beginning(session, text)))
    if status:
        query = query.where(Enrollment.status == status)
    if source is not None:
        query = query.where(Enrollment.source == source)
    if had is not None:
        went = exists().where(Delivery.enrollment_id == Enrollment.id, Delivery.lesson_id == had)
        query = query.where(went)
    if paused_at is not None:
        query = query.where(*_in_pause(paused_at))
    if before is not None:
        query = query.where(Enrollment.id < before)
    return session.execute(query.order_by(Enrollment.id.desc()).limit(limit)).all()


def _in_pause(at: datetime) -> tuple[ColumnElement[bool], ...]:
    return Enrollment.paused_until.is_not(None), Enrollment.paused_until > at, Enrollment.status == Enrolled.ACTIVE


def _beginning(session: Session, text: str) -> Select[Any]:
    """The people whose address or name begins so. Names are found as typed, and with small or capital initials."""
    key = text.lower()
    spellings = sorted({text, key, text[:1].upper() + text[1:], key.title()})
    begins = [_begins(session, Subscriber.email_key, key)]
    begins += [_begins(session, Subscriber.name, spelling) for spelling in spellings]
    return select(Subscriber.id).where(or_(*begins)).limit(MATCHES)


def _begins(session: Session, column: Any, prefix: str) -> ColumnElement[bool]:
    """By the index of each engine: SQLite compares bytes, PostgreSQL has one for LIKE."""
    if session.get_bind().dialect.name == "sqlite":
        return and_(column >= prefix, column < prefix + LAST)
    return column.startswith(prefix, autoescape=True)  # type: ignore[no-any-return]


def counts(session: Session, course_id: int, at: datetime) -> dict[str, int]:
    """How many readers by status; "paused" are those of the active ones who are in a pause."""
    query = select(Enrollment.status, func.count()).where(Enrollment.course_id == course_id).group_by(Enrollment.status)
    found = {str(status): number for status, number in session.execute(query)}
    paused = select(func.count()).where(Enrollment.course_id == course_id, *_in_pause(at))
    return found | {"paused": session.scalars(paused).one()}


def sources(session: Session, course_id: int) -> Sequence[str]:
    """Where the readers of this course came from, in the order of the alphabet."""
    query = select(Enrollment.source).where(Enrollment.course_id == course_id).distinct().order_by(Enrollment.source)
    return session.scalars(query).all()


def waiting(
    session: Session, course_id: int, *, text: str = "", before: int | None = None, limit: int = 50
) -> Sequence[Any]:
    """Who signed up and has not confirmed: rows of id, email, name, timezone, created_at; newest first, below the
    subscriber id `before`."""
    columns = (Subscriber.id, Subscriber.email, Subscriber.name, Subscriber.timezone, Subscriber.created_at)
    query = select(*columns).where(*_waiting(session, course_id))
    query = query.where(Subscriber.id.in_(_beginning(session, text))) if text else query
    query = query.where(Subscriber.id < before) if before is not None else query
    return session.execute(query.order_by(Subscriber.id.desc()).limit(limit)).all()


def count_waiting(session: Session, course_id: int) -> int:
    return session.scalars(select(func.count()).select_from(Subscriber).where(*_waiting(session, course_id))).one()


def _waiting(session: Session, course_id: int) -> list[ColumnElement[bool]]:
    asked = exists().where(
        Delivery.subscriber_id == Subscriber.id,
        Delivery.course_id == course_id,
        Delivery.kind == "confirm",
        Delivery.lesson_id.is_(None),  # as the unique index says
    )
    enrolled = exists().where(Enrollment.subscriber_id == Subscriber.id, Enrollment.course_id == course_id)
    alone = session.scalar(select(func.count()).select_from(Course)) == 1
    # Where there is no other course, whoever ever confirmed is in this one; and there is an index of all others.
    return [*([Subscriber.confirmed_at.is_(None)] if alone else []), asked, ~enrolled]


def asked(session: Session, course_id: int, subscriber_ids: Collection[int]) -> set[int]:
    """Those of these people who were ever mailed the button that confirms."""
    query = select(Delivery.subscriber_id).where(Delivery.course_id == course_id, Delivery.kind == "confirm")
    return set(session.scalars(query.where(Delivery.subscriber_id.in_(subscriber_ids), Delivery.lesson_id.is_(None))))


def first_asked(session: Session, subscriber_id: int, course_id: int) -> Consent | None:
    """The newest sign-up, or list, by which this person came to be asked."""
    query = select(Consent).where(Consent.subscriber_id == subscriber_id, Consent.course_id == course_id)
    return session.scalar(query.where(Consent.kind.in_(("signup", "import"))).order_by(Consent.id.desc()).limit(1))
