"""Everything that happened with one reader, for their page."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from course.store.models import Answer, AuditEntry, Consent, Delivery, Enrollment, ProviderEvent


def consents(session: Session, subscriber_id: int, course_id: int) -> Sequence[Consent]:
    query = select(Consent).where(Consent.subscriber_id == subscriber_id, Consent.course_id == course_id)
    return session.scalars(query.order_by(Consent.id)).all()


def mails(session: Session, found: Enrollment) -> Sequence[Delivery]:
    """Every mail of this course, oldest first; the confirmations too."""
    mine = or_(Delivery.enrollment_id == found.id, Delivery.enrollment_id.is_(None))
    query = select(Delivery).where(Delivery.subscriber_id == found.subscriber_id, mine)
    return session.scalars(query.where(Delivery.course_id == found.course_id).order_by(Delivery.id)).all()


def events(session: Session, delivery_ids: Sequence[int]) -> Sequence[Any]:
    """Rows of delivery_id, what, at, detail."""
    columns = (ProviderEvent.delivery_id, ProviderEvent.what, ProviderEvent.at, ProviderEvent.detail)
    query = select(*columns).where(ProviderEvent.delivery_id.in_(delivery_ids), ProviderEvent.what != "")
    return session.execute(query.order_by(ProviderEvent.at)).all()


def answers(session: Session, enrollment_id: int) -> Sequence[Answer]:
    return session.scalars(select(Answer).where(Answer.enrollment_id == enrollment_id)).all()


def acts(session: Session, enrollment_id: int) -> Sequence[AuditEntry]:
    """What coaches did for this reader; see `about`."""
    query = select(AuditEntry).where(AuditEntry.what.startswith(about(enrollment_id), autoescape=True))
    return session.scalars(query.order_by(AuditEntry.id)).all()


def about(enrollment_id: int) -> str:
    """How the book of what coaches did names a reader: by number, so that it forgets an address that is erased."""
    return f"Reader {enrollment_id}: "
