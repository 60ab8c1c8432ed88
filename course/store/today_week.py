"""What goes out next, and what readers did lately; counted."""

import json
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Integer, String, case, cast, distinct, func, literal, select
from sqlalchemy.orm import Session

from course.core.status import Enrolled, Sent
from course.store.models import Answer, Consent, Delivery, Enrollment, Exclusion, Lesson, Subscriber


class Wave(NamedTuple):
    """Readers whose course goes on alike: their next lesson comes at one instant, and so do those after it."""

    due_at: datetime
    had: list[int]
    excluded: set[int]
    pace: str
    hour: str | None
    weekdays: list[int] | None
    timezone: str
    enrolled_at: datetime  # of one of them; all have the same timetable
    readers: int


def waves(session: Session, course_id: int, starts: Sequence[datetime], until: datetime) -> Iterator[Wave]:
    """Who is due before `until`. `starts` are the instants at which an era of the timetable begins."""
    query = _planned(course_id, until).join(Subscriber, Subscriber.id == Enrollment.subscriber_id)
    out = (
        select(Exclusion.enrollment_id, func.aggregate_strings(cast(Exclusion.lesson_id, String), ",").label("lessons"))
        .group_by(Exclusion.enrollment_id)
        .subquery()
    )
    era = sum((case((Enrollment.enrolled_at >= start, 1), else_=0) for start in starts), cast(literal(0), Integer))
    each = query.outerjoin(out, out.c.enrollment_id == Enrollment.id).with_only_columns(
        Enrollment.due_at,
        cast(Enrollment.had, String).label("had"),
        out.c.lessons,
        Enrollment.pace,
        Enrollment.hour,
        cast(Enrollment.weekdays, String).label("weekdays"),
        Subscriber.timezone,
        era.label("era"),
        Enrollment.enrolled_at,
    )
    rows = each.subquery()
    *alike, enrolled_at = rows.c
    counted = select(*alike, func.min(enrolled_at), func.count()).group_by(*alike)
    for due, had, excluded, pace, hour, weekdays, zone, _, enrolled, readers in session.execute(counted):
        out_of = {int(lesson) for lesson in (excluded or "").split(",") if lesson}
        days = json.loads(weekdays or "null")
        yield Wave(due, json.loads(had), out_of, pace, hour, days, zone, enrolled, readers)


def count_planned(session: Session, course_id: int, until: datetime, at_most: int) -> int:
    """Readers who are due before `until`; it stops counting at `at_most`."""
    some = _planned(course_id, until).limit(at_most).subquery()
    return session.scalars(select(func.count()).select_from(some)).one()


def next_lessons(session: Session, course_id: int, until: datetime) -> Iterator[tuple[datetime, int]]:
    """How many readers have their next lesson at each instant before `until`."""
    query = _planned(course_id, until).with_only_columns(Enrollment.due_at, func.count())
    return ((due, readers) for due, readers in session.execute(query.group_by(Enrollment.due_at)) if due)


def _planned(course_id: int, until: datetime) -> Any:
    mine = select(Enrollment.id).where(Enrollment.course_id == course_id, Enrollment.status == Enrolled.ACTIVE)
    return mine.where(Enrollment.due_at < until)


class Happened(NamedTuple):
    """How many readers did what in a span of time."""

    asked: int  # signed up on a form
    joined: int  # confirmed, came back, or were brought in by a coach
    finished: int
    left: int
    stopped: int  # their address refused mail, or they complained
    answered: int  # answers


def happened(session: Session, courses: Collection[int], since: datetime, until: datetime) -> Happened:
    return Happened(
        asked=_consents(session, courses, ("signup",), since, until),
        joined=_consents(session, courses, ("confirm", "import", "return"), since, until),
        finished=_ended(session, courses, Enrolled.FINISHED, Enrollment.anchor_at, since, until),
        left=_consents(session, courses, ("leave",), since, until),
        stopped=_ended(session, courses, Enrolled.STOPPED, Enrollment.ended_at, since, until),
        answered=_answers(session, courses, since, until),
    )


def _consents(
    session: Session, courses: Collection[int], kinds: Collection[str], since: datetime, until: datetime
) -> int:
    query = select(func.count(distinct(Consent.subscriber_id))).where(Consent.course_id.in_(courses))
    return session.scalars(query.where(Consent.kind.in_(kinds), Consent.at >= since, Consent.at < until)).one()


def _ended(
    session: Session, courses: Collection[int], status: Enrolled, at: Any, since: datetime, until: datetime
) -> int:
    """Nothing goes to a reader who has finished, so their anchor is when the last lesson went."""
    query = select(func.count()).select_from(Enrollment).where(Enrollment.course_id.in_(courses))
    return session.scalars(query.where(Enrollment.status == status, at >= since, at < until)).one()


def _answers(session: Session, courses: Collection[int], since: datetime, until: datetime) -> int:
    mine = Answer.lesson_id.in_(select(Lesson.id).where(Lesson.course_id.in_(courses)))
    query = select(func.count()).select_from(Answer).where(mine, Answer.text != "")
    return session.scalars(query.where(Answer.answered_at >= since, Answer.answered_at < until)).one()


def sent(session: Session, since: datetime, until: datetime) -> int:
    """Lessons that went."""
    query = select(func.count()).select_from(Delivery).where(Delivery.state == Sent.ACCEPTED, Delivery.kind == "lesson")
    return session.scalars(query.where(Delivery.done_at >= since, Delivery.done_at < until)).one()


def count_active(session: Session, before: datetime) -> int:
    """Readers on their way through a course, of those who were there before then."""
    query = select(func.count()).select_from(Enrollment).where(Enrollment.status == Enrolled.ACTIVE)
    return session.scalars(query.where(Enrollment.enrolled_at < before)).one()


def names(session: Session, since: datetime, until: datetime, limit: int) -> list[str]:
    """First names of some who confirmed, newest first."""
    query = (
        select(Subscriber.name)
        .join(Consent, Consent.subscriber_id == Subscriber.id)
        .where(Consent.kind == "confirm", Consent.at >= since, Consent.at < until, Subscriber.name != "")
        .order_by(Consent.id.desc())
    )
    return list(dict.fromkeys(session.scalars(query.limit(2 * limit))))[:limit]
