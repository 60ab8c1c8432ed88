"""Everything that is kept about one person: to hand it to them, and to forget it."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from course.store.deliveries import COPY_AGAIN
from course.store.models import (
    Answer,
    Base,
    Consent,
    Course,
    Delivery,
    Effect,
    Enrollment,
    Exclusion,
    Lesson,
    Notice,
    Profile,
    ProviderEvent,
    Subscriber,
)


def forget(session: Session, subscriber_id: int, spellings: Collection[str]) -> int:
    """Deletes the person and all that hangs on them; gives how many copies of one mail went to them, at most.
    `spellings`: their address as providers and mails may write it.

    The person is locked first (the weak way, so that mails of theirs are marked meanwhile), then what is on its way and
    the enrollments, as the mark does it; a call that holds one of these
    mails finds nothing to write later, and that is all right."""
    mine = Enrollment.subscriber_id == subscriber_id
    session.execute(select(Subscriber.id).where(Subscriber.id == subscriber_id).with_for_update(key_share=True))
    session.execute(select(Delivery.id).where(Delivery.subscriber_id == subscriber_id).with_for_update())
    enrolled = list(session.scalars(select(Enrollment.id).where(mine).order_by(Enrollment.id).with_for_update()))
    mails = select(Delivery.id).where(Delivery.subscriber_id == subscriber_id)
    copies = session.scalar(select(func.max(Delivery.copy % COPY_AGAIN)).where(Delivery.subscriber_id == subscriber_id))
    told = or_(ProviderEvent.delivery_id.in_(mails), ProviderEvent.recipient.in_(spellings))
    for statement in (
        delete(ProviderEvent).where(told),
        delete(Notice).where(Notice.email.in_(spellings)),
        delete(Delivery).where(Delivery.subscriber_id == subscriber_id),
        *(delete(table).where(table.enrollment_id.in_(enrolled)) for table in (Answer, Exclusion, Effect)),
        delete(Enrollment).where(mine),
        delete(Profile).where(Profile.subscriber_id == subscriber_id),
        delete(Consent).where(Consent.subscriber_id == subscriber_id),
        delete(Subscriber).where(Subscriber.id == subscriber_id),
    ):
        session.execute(statement.execution_options(synchronize_session=False))
    return copies or 0


def forget_links(session: Session, email: str) -> None:
    """The links that were mailed to this address, or wait to be."""
    session.execute(delete(Notice).where(Notice.email == email, Notice.kind.in_(("access", "address"))))


def forget_recipient(session: Session, spellings: Collection[str]) -> None:
    """What providers told about mails to this address no longer names it; what they told and nobody read yet goes."""
    theirs = ProviderEvent.recipient.in_(spellings)
    session.execute(delete(ProviderEvent).where(theirs, ProviderEvent.processed_at.is_(None)))
    session.execute(update(ProviderEvent).where(theirs).values(recipient="", raw=""))


def everything(session: Session, subscriber_id: int) -> dict[str, list[dict[str, Any]]]:
    """What `forget` would delete, and the words that go with it: rows by table, as column names and values, oldest
    first."""
    mine = select(Enrollment.id).where(Enrollment.subscriber_id == subscriber_id)
    mails = select(Delivery.id).where(Delivery.subscriber_id == subscriber_id)
    lessons = select(Answer, Lesson.slug.label("lesson")).join(Lesson, Lesson.id == Answer.lesson_id)
    skips = select(Exclusion, Lesson.slug.label("lesson")).join(Lesson, Lesson.id == Exclusion.lesson_id)
    events = select(ProviderEvent.what, ProviderEvent.at, ProviderEvent.detail, ProviderEvent.delivery_id)
    enrolled = select(Enrollment, Course.slug.label("course")).join(Course, Course.id == Enrollment.course_id)
    return {
        "person": _rows(session, select(Subscriber).where(Subscriber.id == subscriber_id)),
        "profile": _rows(session, select(Profile).where(Profile.subscriber_id == subscriber_id)),
        "consents": _rows(session, select(Consent).where(Consent.subscriber_id == subscriber_id).order_by(Consent.id)),
        "courses": _rows(session, enrolled.where(Enrollment.id.in_(mine)).order_by(Enrollment.id)),
        "mails": _rows(session, select(Delivery).where(Delivery.subscriber_id == subscriber_id).order_by(Delivery.id)),
        "events": _rows(session, events.where(ProviderEvent.delivery_id.in_(mails)).order_by(ProviderEvent.id)),
        "answers": _rows(session, lessons.where(Answer.enrollment_id.in_(mine)).order_by(Answer.id)),
        "skipped": _rows(session, skips.where(Exclusion.enrollment_id.in_(mine)).order_by(Exclusion.id)),
    }


def _rows(session: Session, query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for row in session.execute(query):
        line: dict[str, Any] = {}
        for name, value in row._mapping.items():
            line |= _columns(value) if isinstance(value, Base) else {name: value}
        found.append(line)
    return found


def _columns(row: Base) -> dict[str, Any]:
    names: Sequence[str] = [attribute.key for attribute in type(row).__mapper__.column_attrs]
    return {name: getattr(row, name) for name in names}
