"""What readers said and did, counted by lesson, by week and by where they came from; and their answers."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import and_, case, distinct, exists, func, literal, select
from sqlalchemy.orm import Session, aliased

from course.core.happening import Happened
from course.core.status import Enrolled, Sent
from course.store.deliveries import COPY_AGAIN
from course.store.models import Answer, Consent, Delivery, Enrollment, Subscriber

# Whoever says that they want no more, or complains, has had the mail.
ARRIVED = (Happened.DELIVERED, Happened.UNSUBSCRIBE, Happened.COMPLAINT)


class Went(NamedTuple):
    sent: int
    arrived: int  # as the provider told
    told: int  # of so many it told anything at all


def went(session: Session, course_id: int) -> dict[int, Went]:
    """By lesson id. A reader who was sent one more copy of a mail counts once."""
    before = aliased(Delivery)
    repeat = and_(
        Delivery.copy >= COPY_AGAIN,
        exists().where(
            before.enrollment_id == Delivery.enrollment_id,
            before.lesson_id == Delivery.lesson_id,
            before.lesson_id.is_not(None),
            before.copy < Delivery.copy,
            before.copy % COPY_AGAIN == Delivery.copy % COPY_AGAIN,
            before.state == Sent.ACCEPTED,
        ),
    )
    arrived = func.count(case((Delivery.heard.in_(ARRIVED), 1)))
    query = (
        select(Delivery.lesson_id, func.count(), arrived, func.count(Delivery.heard))
        .where(Delivery.course_id == course_id, Delivery.lesson_id.is_not(None), Delivery.state == Sent.ACCEPTED)
        .where(~repeat)
    )
    return {lesson: Went(*row) for lesson, *row in session.execute(query.group_by(Delivery.lesson_id)) if lesson}


def count_asked(session: Session, course_id: int) -> int:
    """Readers who signed up on a form, confirmed or not."""
    query = select(func.count(distinct(Consent.subscriber_id))).where(Consent.course_id == course_id)
    return session.scalars(query.where(Consent.kind == "signup")).one()


def count_confirmed(session: Session, course_id: int) -> int:
    """Those of them who then confirmed."""
    query = select(func.count(distinct(Consent.subscriber_id))).where(Consent.course_id == course_id)
    return session.scalars(query.where(Consent.kind == "confirm")).one()


class Became(NamedTuple):
    """What became of readers who belong together."""

    readers: int
    finished: int
    gone: int  # left, or their address refused mail

    @property
    def on_their_way(self) -> int:
        return self.readers - self.finished - self.gone


def by_week(session: Session, course_id: int, starts: Sequence[datetime]) -> dict[int, Became]:
    """By number of the week in which they signed up: `starts`, oldest first, begin week 0, 1, …; -1 is before all."""
    week = case(
        *((Enrollment.enrolled_at >= start, number) for number, start in reversed(list(enumerate(starts)))),
        else_=literal(-1),
    )
    each = select(week.label("week"), Enrollment.status).where(Enrollment.course_id == course_id).subquery()
    query = select(each.c.week, *_became(each.c.status)).group_by(each.c.week)
    return {number: Became(*row) for number, *row in session.execute(query)}


def by_source(session: Session, course_id: int, limit: int) -> list[tuple[str, Became]]:
    """The sources with the most readers."""
    query = select(Enrollment.source, *_became(Enrollment.status)).where(Enrollment.course_id == course_id)
    most = query.group_by(Enrollment.source).order_by(func.count().desc(), Enrollment.source).limit(limit)
    return [(source, Became(*row)) for source, *row in session.execute(most)]


def became(session: Session, course_id: int) -> Became:
    """Of all of them."""
    query = select(*_became(Enrollment.status)).where(Enrollment.course_id == course_id)
    return Became(*session.execute(query).one())


def _became(status: Any) -> tuple[Any, ...]:
    finished = func.count(case((status == Enrolled.FINISHED, 1)))
    return func.count(), finished, func.count(case((status.in_((Enrolled.LEFT, Enrolled.STOPPED)), 1)))


class Said(NamedTuple):
    """One answer of a reader."""

    enrollment: int
    lesson: int
    email: str
    name: str
    text: str
    at: datetime


def answers(session: Session, lessons: Collection[int], limit: int, offset: int) -> Sequence[Said]:
    """To the questions of these lessons, newest first."""
    newest = _answers(lessons).order_by(Answer.answered_at.desc(), Answer.id.desc())
    return [Said(*row) for row in session.execute(newest.limit(limit).offset(offset))]


def all_answers(session: Session, lessons: Collection[int]) -> Iterable[Said]:
    """Oldest first, read a thousand at a time."""
    rows = session.execute(_answers(lessons).order_by(Answer.id).execution_options(yield_per=1000))
    return (Said(*row) for row in rows)


def _answers(lessons: Collection[int]) -> Any:
    return (
        select(Enrollment.id, Answer.lesson_id, Subscriber.email, Subscriber.name, Answer.text, Answer.answered_at)
        .join(Enrollment, Enrollment.id == Answer.enrollment_id)
        .join(Subscriber, Subscriber.id == Enrollment.subscriber_id)
        .where(Answer.lesson_id.in_(lessons), Answer.text != "", Answer.answered_at.is_not(None))
    )


def count_answers(session: Session, lessons: Collection[int]) -> dict[int, int]:
    """By lesson id."""
    query = select(Answer.lesson_id, func.count()).where(Answer.lesson_id.in_(lessons), Answer.text != "")
    return {row[0]: row[1] for row in session.execute(query.group_by(Answer.lesson_id))}
