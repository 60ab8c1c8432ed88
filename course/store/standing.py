"""Where the readers of a course stand, counted."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Integer, String, case, cast, func, literal, select
from sqlalchemy.orm import Session

from course.core.status import Enrolled, Sent
from course.store.models import Answer, Delivery, Enrollment, Exclusion, Lesson


class Standing(NamedTuple):
    """Readers who are alike: of one era of the timetable, with the same lessons behind them."""

    status: Enrolled
    era: int  # how many of the timetable's starts lie before their enrollment
    had: list[int]
    excluded: set[int]
    readers: int


def standings(session: Session, course_id: int, starts: Sequence[datetime]) -> Iterator[Standing]:
    """`starts` are the instants at which an era of the timetable begins, see core/sequence.Terms."""
    era = sum((case((Enrollment.enrolled_at >= start, 1), else_=0) for start in starts), cast(literal(0), Integer))
    # Ordered by nothing: the set is made of it here.
    excluded = (
        select(Exclusion.enrollment_id, func.aggregate_strings(cast(Exclusion.lesson_id, String), ",").label("out"))
        .group_by(Exclusion.enrollment_id)
        .subquery()
    )
    alike = (
        select(Enrollment.status, era.label("era"), cast(Enrollment.had, String).label("had"), excluded.c.out)
        .outerjoin(excluded, excluded.c.enrollment_id == Enrollment.id)
        .where(Enrollment.course_id == course_id)
        .subquery()
    )
    columns = (alike.c.status, alike.c.era, alike.c.had, alike.c.out)
    query = select(*columns, func.count()).group_by(*columns)
    for row in session.execute(query):
        status, begun, had, out, readers = row
        yield Standing(Enrolled(status), begun, _numbers(had.strip("[]")), set(_numbers(out or "")), readers)


def sent(session: Session, course_id: int) -> dict[int, int]:
    """How many mails of each lesson went, by lesson id."""
    query = select(Delivery.lesson_id, func.count()).where(
        Delivery.course_id == course_id, Delivery.lesson_id.is_not(None), Delivery.state == Sent.ACCEPTED
    )
    return {lesson: count for lesson, count in session.execute(query.group_by(Delivery.lesson_id)) if lesson}


def said(session: Session, course_id: int) -> dict[int, tuple[int, int]]:
    """How many readers ticked each lesson as done, and how many answered its question, by lesson id."""
    query = (
        select(Answer.lesson_id, func.count(Answer.done_at), func.count(Answer.answered_at))
        .where(Answer.lesson_id.in_(select(Lesson.id).where(Lesson.course_id == course_id)))
        .group_by(Answer.lesson_id)
    )
    return {lesson: (done, answered) for lesson, done, answered in session.execute(query)}


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",") if number.strip()]
